//! The names that the machine and the file keep: checked once, in their constructors.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text is longer than the name may be.
    #[error("`{text}` is {len} bytes long; at most {max} fit")]
    TooLong {
        /// The text as given.
        text: String,
        /// Its length in bytes.
        len: usize,
        /// The longest that fits, in bytes.
        max: usize,
    },
    /// The text has a character that names cannot have.
    #[error(
        "`{text}` has the character {character:?}; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first"
    )]
    Character {
        /// The text as given.
        text: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// The text is not six hexadecimal octets.
    #[error("`{0}` is not a MAC address such as 02:00:00:00:00:01")]
    NotMac(String),
}

/// The characters that every name of ours is made of: no shell, path or glob metacharacter is among them.
fn checked(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let bad = |(i, c): (usize, char)| !(c.is_ascii_alphanumeric() || (i > 0 && matches!(c, '-' | '_' | '.')));
    if let Some((_, character)) = text.char_indices().find(|&x| bad(x)) {
        return Err(NameError::Character { text: text.to_owned(), character });
    }
    if text.len() > max {
        return Err(NameError::TooLong { text: text.to_owned(), len: text.len(), max });
    }
    Ok(())
}

/// A kernel interface name: 1 to 15 bytes (`IFNAMSIZ` is 16 with its NUL, linux/if.h).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IfName([u8; 16]);

impl IfName {
    /// The loopback device that every network namespace is born with.
    pub const LO: IfName = IfName(*b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// Most bytes in an interface name.
    pub const MAX: usize = 15;

    /// A name to give to a device of ours.
    pub fn new(text: &str) -> Result<Self, NameError> {
        checked(text, Self::MAX)?;
        Ok(Self::padded(text.as_bytes()))
    }

    /// A name as a kernel reports it: any bytes but NUL, `/` and white space (`dev_valid_name`, net/core/dev.c); longer text is cut.
    pub fn from_kernel(text: &str) -> Self {
        let mut cut = text.len().min(Self::MAX);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        Self::padded(&text.as_bytes()[..cut])
    }

    /// The text itself where it fits, else its first 8 characters, a `-` and 6 hexadecimal digits of a hash of the whole.
    /// The text is made of the characters that names may have.
    pub fn shortened(text: &str) -> Self {
        if text.len() <= Self::MAX {
            return Self::padded(text.as_bytes());
        }
        Self::hashed(text, 0)
    }

    /// A short form of the text; another for each attempt, should one be taken.
    pub(crate) fn hashed(text: &str, attempt: u32) -> Self {
        let hash = match attempt {
            0 => stable_hash(&[text]),
            n => stable_hash(&[text, &n.to_string()]),
        };
        let head: String = text.chars().take(8).filter(char::is_ascii).collect();
        Self::padded(format!("{head}-{:06x}", hash & 0xff_ffff).as_bytes())
    }

    fn padded(bytes: &[u8]) -> Self {
        let mut name = [0; 16];
        name[..bytes.len()].copy_from_slice(bytes);
        IfName(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(Self::MAX);
        std::str::from_utf8(&self.0[..end]).expect("made from whole UTF-8 characters")
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for IfName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for IfName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        if text.is_empty() || text.len() > Self::MAX || text.contains(['/', '\0']) || text.contains(char::is_whitespace)
        {
            return Err(serde::de::Error::custom(format!("`{text}` is not an interface name")));
        }
        Ok(Self::from_kernel(&text))
    }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Most bytes in the name.
            pub const MAX: usize = $max;

            /// The name, checked.
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked(text, Self::MAX)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_name!(
    /// The name of a lab: at most 60 bytes, for it stands in namespace names, paths and marks.
    LabName,
    60
);
text_name!(
    /// The name of a node, a vertex of the topology: at most 60 bytes.
    NodeName,
    60
);
text_name!(
    /// The name of a network namespace, a file in `/run/netns`: at most 200 bytes.
    NetnsName,
    200
);
text_name!(
    /// The name of a host, a machine whose kernel is programmed.
    HostId,
    60
);

impl HostId {
    /// The machine that netsim itself runs on.
    pub fn local() -> Self {
        HostId("local".into())
    }
}

/// Most bytes in an interface's name as people write it (`ALTIFNAMSIZ` is 128 with its NUL, linux/if.h).
pub const MAX_INTERFACE_NAME: usize = 127;

/// The text, if it can be an interface's name as people write it. One longer than [`IfName::MAX`] gets a derived name in the kernel.
pub fn interface_name(text: &str) -> Result<&str, NameError> {
    checked(text, MAX_INTERFACE_NAME).map(|()| text)
}

/// A sysctl as `net.ipv4.ip_forward`; a `/` stands where a part has a dot of its own (sysctl.d(5)): `net.ipv4.conf.eth0/10.rp_filter`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SysctlName(Arc<str>);

impl SysctlName {
    /// The name, checked to be parts of letters, digits, `-`, `_` and `/`, joined by dots.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let part = |p: &str| {
            !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '@'))
        };
        match text.split('.').find(|p| !part(p)) {
            None => Ok(Self(text.into())),
            Some("") => Err(NameError::Empty),
            Some(p) => Err(NameError::Character { text: text.to_owned(), character: p.chars().next().unwrap_or('.') }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `/proc/sys`.
    pub fn path(&self) -> String {
        self.0
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect()
    }

    /// The device that the sysctl belongs to, as in `net.ipv4.conf.DEVICE.rp_filter`; none for `all` and `default`.
    pub fn device(&self) -> Option<IfName> {
        let mut parts = self.0.split('.').skip(2);
        let (group, device) = (parts.next()?, parts.next()?);
        let device = device.replace('/', ".");
        (matches!(group, "conf" | "neigh") && device != "all" && device != "default")
            .then(|| IfName::from_kernel(&device))
    }
}

impl fmt::Display for SysctlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SysctlName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// An Ethernet address, written `02:00:00:00:00:01`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// A locally administered unicast address (IEEE 802 §8.4.2) that a lab's interface has on every machine.
    pub fn derived(lab: &LabName, node: &NodeName, interface: &str) -> Self {
        let hash = stable_hash(&[lab.as_str(), node.as_str(), interface]);
        let [a, b, c, d, e, ..] = hash.to_be_bytes();
        Mac([0x02, a, b, c, d, e])
    }
}

impl FromStr for Mac {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::NotMac(text.to_owned());
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|p| p.len() <= 2).ok_or_else(bad)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| bad())?;
        }
        parts.next().is_none().then_some(Mac(octets)).ok_or_else(bad)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): for names and MACs that must be the same on every machine and in every version.
pub fn stable_hash(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|p| p.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}
