//! Generic netlink: families of messages that are found by name.

use std::io;

use netlink_packet_core::NetlinkSerializable;
use netlink_sys::protocols::NETLINK_GENERIC;

use super::attributes::{self, Attributes};
use crate::netlink::Netlink;

/// The family of families (GENL_ID_CTRL, linux/genetlink.h).
const CONTROL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// `struct genlmsghdr` (linux/genetlink.h).
pub(super) const HEADER: usize = 4;

/// A message: its family, and the header and attributes as bytes.
#[derive(Debug, Clone)]
pub(super) struct Message {
    family: u16,
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(family: u16, command: u8, attributes: Attributes) -> Self {
        let mut bytes = vec![command, 1, 0, 0];
        bytes.extend(attributes.into_bytes());
        Message { family, bytes }
    }
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes);
    }
}

/// The number of a family; none if the kernel has none of that name, nor a module with it.
pub(super) fn family(netlink: &mut Netlink, name: &str) -> io::Result<Option<u16>> {
    let mut asked = Attributes::default();
    asked.put(CTRL_ATTR_FAMILY_NAME, &[name.as_bytes(), &[0]].concat());
    let answer = netlink.ask(vec![Message::new(CONTROL, CTRL_CMD_GETFAMILY, asked)])?.pop().flatten();
    Ok(answer.as_deref().and_then(|payload| {
        let id = attributes::of_kind(payload.get(HEADER..)?, CTRL_ATTR_FAMILY_ID).next()?;
        Some(u16::from_ne_bytes(id.try_into().ok()?))
    }))
}

/// Whether the kernel has a family.
pub(super) fn has_family(name: &str) -> io::Result<bool> {
    Ok(family(&mut Netlink::open_for(NETLINK_GENERIC)?, name)?.is_some())
}
