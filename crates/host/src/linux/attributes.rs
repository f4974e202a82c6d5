//! Attributes of netlink messages, as bytes (`struct nlattr`, linux/netlink.h): those that no library has, and those that are looked at one by one.

use netlink_packet_core::{NLA_F_NESTED, NLA_HEADER_SIZE, NLA_TYPE_MASK, NlaBuffer, NlasIterator, Parseable};

/// Attributes, written one after the other.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    /// After what stands already: a struct that a nest begins with.
    pub(crate) fn after(head: Vec<u8>) -> Self {
        Attributes(head)
    }

    /// Adds one. Its value is shorter than 64 KiB.
    pub(crate) fn put(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(NLA_HEADER_SIZE + value.len()).expect("no value of ours is so long");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Adds one that holds others.
    pub(crate) fn nest(&mut self, kind: u16, inside: Attributes) {
        self.put(kind | NLA_F_NESTED, &inside.0);
    }

    /// The bytes of all.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The attributes that these bytes are, each with its kind; what is no attribute ends them.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes).map_while(Result::ok).map(|attribute| {
        let length = usize::from(attribute.length());
        (attribute.kind() & NLA_TYPE_MASK, &attribute.into_inner()[NLA_HEADER_SIZE..length])
    })
}

/// The values of the attributes of one kind.
pub(crate) fn of_kind(bytes: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    each(bytes).filter(move |(other, _)| *other == kind).map(|(_, value)| value)
}

/// The attributes of a nest, as far as they are of a library's type.
pub(crate) fn parsed<'a, T: Parseable<NlaBuffer<&'a [u8]>>>(nest: &'a [u8]) -> impl Iterator<Item = T> {
    NlasIterator::new(nest).flatten().filter_map(|attribute| T::parse(&attribute).ok())
}

/// A text, with the NUL at its end or without.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

/// A 32-bit number.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Consecutive 32-bit numbers, as a C struct of them; none if there are not so many bytes.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> Option<[u32; N]> {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.get(..4 * N)?.chunks_exact(4)) {
        *word = u32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(words)
}

/// The bytes of consecutive 32-bit numbers.
pub(crate) fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A 64-bit number.
pub(crate) fn long(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}
