//! This program's own file: what an agent on another host has to be a copy of.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A program's file and what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    path: PathBuf,
    size: u64,
    hash: String,
}

impl Own {
    /// The program that runs here, also when its file has been replaced or removed since.
    pub fn this() -> io::Result<Own> {
        Own::at(Path::new("/proc/self/exe"))
    }

    /// The program in this file.
    pub fn at(path: &Path) -> io::Result<Own> {
        let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                }
            }
        }
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Own { path: path.to_owned(), size, hash })
    }

    /// The SHA-256 of the file: 64 characters of `0-9a-f`.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file, to be read again.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Temporary;

    #[test]
    fn a_program_is_known_by_the_sha_256_of_its_file() {
        let temporary = Temporary::new("own");
        let file = temporary.0.join("abc");
        std::fs::write(&file, "abc").expect("writable");
        let own = Own::at(&file).expect("it is there");
        // FIPS 180-2, appendix B.1.
        assert_eq!(own.hash(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(own.size(), 3);
    }
}
