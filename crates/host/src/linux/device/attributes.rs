//! Reads netlink attributes one by one: what is not asked for is not looked at, so a kernel may have new ones.

use netlink_packet_core::{NLA_HEADER_SIZE, NlaBuffer, NlasIterator, Parseable};

/// The values of the attributes of one kind in a nest.
pub(super) fn inside(nest: &[u8], kind: u16) -> impl Iterator<Item = &[u8]> {
    let of_kind = move |a: &NlaBuffer<&[u8]>| a.kind() == kind;
    NlasIterator::new(nest).flatten().filter(of_kind).map(|a| {
        let length = usize::from(a.length());
        &a.into_inner()[NLA_HEADER_SIZE..length]
    })
}

/// The attributes of a nest, as far as they are of a type.
pub(super) fn parsed<'a, T: Parseable<NlaBuffer<&'a [u8]>>>(nest: &'a [u8]) -> impl Iterator<Item = T> {
    NlasIterator::new(nest).flatten().filter_map(|a| T::parse(&a).ok())
}

/// A text, with the NUL at its end or without.
pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

/// A number of four bytes in the machine's order.
pub(super) fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}
