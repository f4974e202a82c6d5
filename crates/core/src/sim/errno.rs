//! The error numbers that the simulated kernel answers with.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! errnos {
    ($($(#[$doc:meta])* $variant:ident $name:literal $number:literal,)*) => {
        /// An error number of Linux (errno(3)), as far as the simulated kernel needs them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Errno {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Errno {
            /// Its name: `EEXIST`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Errno::$variant => $name,)*
                }
            }

            /// Its number on Linux (asm-generic/errno.h).
            pub fn number(self) -> i32 {
                match self {
                    $(Errno::$variant => $number,)*
                }
            }
        }
    };
}

errnos! {
    /// It belongs to somebody else.
    Perm "EPERM" 1,
    /// There is no such file.
    NoEnt "ENOENT" 2,
    /// There is no such route.
    Srch "ESRCH" 3,
    /// It is in use.
    Busy "EBUSY" 16,
    /// The name is taken.
    Exist "EEXIST" 17,
    /// There is no such device.
    NoDev "ENODEV" 19,
    /// It makes no sense.
    Inval "EINVAL" 22,
    /// It is greater than what is beneath allows.
    Range "ERANGE" 34,
    /// A bridge would stand on a bridge.
    Loop "ELOOP" 40,
    /// A bridge is full.
    XFull "EXFULL" 54,
    /// The device cannot do that.
    OpNotSupp "EOPNOTSUPP" 95,
    /// It is of another address family.
    AfNoSupport "EAFNOSUPPORT" 97,
    /// Another has this address.
    AddrInUse "EADDRINUSE" 98,
    /// There is no such address.
    AddrNotAvail "EADDRNOTAVAIL" 99,
    /// The device is down.
    NetDown "ENETDOWN" 100,
    /// An IPv4 gateway is out of reach.
    NetUnreach "ENETUNREACH" 101,
    /// An IPv6 gateway is out of reach.
    HostUnreach "EHOSTUNREACH" 113,
    /// It has already been done.
    Already "EALREADY" 114,
    /// It is not as the action says that it is.
    Stale "ESTALE" 116,
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
