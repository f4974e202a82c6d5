//! Plans on a machine where others have things too: they are refused their names, lent their settings, and never touched.
