//! The codes of what can be wrong in what a file means.

use crate::problem::Code;

/// The lab has no name.
pub(super) const NO_NAME: Code = Code(11);
/// A text cannot be a name.
pub(super) const NAME: Code = Code(12);
/// A node that does not exist.
pub(super) const UNKNOWN_NODE: Code = Code(13);
/// A group that does not exist.
pub(super) const UNKNOWN_GROUP: Code = Code(14);
/// Two nodes of one name.
pub(super) const NODE_TWICE: Code = Code(15);
/// Two interfaces of one name on a node.
pub(super) const INTERFACE_TWICE: Code = Code(16);
/// A range that cannot be read.
pub(super) const RANGE: Code = Code(17);
/// As many of this as of that are needed, and are not there.
pub(super) const COUNT: Code = Code(18);
/// A link without its endpoints.
pub(super) const ENDPOINTS: Code = Code(19);
/// A link from a node to itself.
pub(super) const SELF_LINK: Code = Code(20);
/// A text is no address with a prefix length, or one of the other family.
pub(super) const ADDRESS: Code = Code(21);
/// An address that no interface can have.
pub(super) const UNUSABLE: Code = Code(22);
/// An address that two have.
pub(super) const ADDRESS_TWICE: Code = Code(23);
/// A text is no Ethernet address of an interface.
pub(super) const MAC: Code = Code(24);
/// An Ethernet address that two have.
pub(super) const MAC_TWICE: Code = Code(25);
/// A text is no subnet, or there are two of a family.
pub(super) const SUBNET: Code = Code(26);
/// Two subnets that overlap.
pub(super) const OVERLAP: Code = Code(27);
/// Switches of one broadcast domain that give different subnets out.
pub(super) const DISAGREE: Code = Code(28);
/// An MTU that is out of range.
pub(super) const MTU: Code = Code(29);
/// A route that cannot be.
pub(super) const ROUTE: Code = Code(30);
/// A gateway that is on no wire of the node.
pub(super) const GATEWAY: Code = Code(31);
/// More ports than a bridge takes.
pub(super) const PORTS: Code = Code(32);
/// Bridges that are joined in a circle.
pub(super) const LOOP: Code = Code(33);
/// A key that means nothing for this kind of node, or there.
pub(super) const UNFIT: Code = Code(34);
/// Settings for an interface that no link has.
pub(super) const NO_INTERFACE: Code = Code(35);
/// One thing that is written at two places.
pub(super) const WRITTEN_TWICE: Code = Code(36);
/// A program without a name.
pub(super) const EXEC: Code = Code(37);
/// A check that asks nothing that can be told.
pub(super) const CHECK: Code = Code(38);
/// A text is no quantity with its unit.
pub(super) const UNIT: Code = Code(39);
/// A quantity that is out of range.
pub(super) const BOUNDS: Code = Code(40);
/// An impairment that means nothing without another one.
pub(super) const ALONE: Code = Code(41);
/// Settings of a port that exclude each other, or of what is no port of a bridge.
pub(super) const VLAN: Code = Code(42);
/// Kinds of a link that exclude each other, or do not fit what it joins.
pub(super) const LINK_KIND: Code = Code(43);
/// An interface that is said to be two things, or is not said whole.
pub(super) const INTERFACE_KIND: Code = Code(44);
/// An interface beneath that is not there, or that nothing can stand on.
pub(super) const PARENT: Code = Code(45);
/// A member of a bond or a VRF that is not there, or cannot be one.
pub(super) const MEMBER: Code = Code(46);
/// Interfaces on one parent that exclude each other.
pub(super) const TOGETHER: Code = Code(47);
/// A routing table that two have or nobody may have, or a VRF that is not there.
pub(super) const TABLE: Code = Code(48);
/// A setting that this kind of interface does not have.
pub(super) const TUNING: Code = Code(49);
/// A mirror of nothing, to nowhere, or of its own copies.
pub(super) const MIRROR: Code = Code(180);
/// A setting of a link that has no devices: it is two patch ports.
pub(super) const PATCH: Code = Code(181);
/// A setting of a bridge of Open vSwitch that there is not, or that cannot be so.
pub(super) const OTHER_CONFIG: Code = Code(182);
/// A text is no controller, or no version of its protocol.
pub(super) const CONTROLLER: Code = Code(183);
/// A setting of a port that Open vSwitch does not have, or that only it has.
pub(super) const OVS_PORT: Code = Code(184);
/// Settings of a bridge of Open vSwitch that exclude each other, or that it does not have.
pub(super) const OVS_SWITCH: Code = Code(185);
/// A setting that an internal interface does not have.
pub(super) const INTERNAL: Code = Code(186);
/// What the machine's own namespace cannot have or be, as a node.
pub(super) const MACHINE: Code = Code(187);
/// A host that is not there, or none at all to place nodes on.
pub(super) const UNKNOWN_HOST: Code = Code(190);
/// A host that is written twice, or not as one can be.
pub(super) const HOST: Code = Code(191);
/// What a bridge on several hosts cannot have, or be linked to.
pub(super) const SPREAD: Code = Code(192);
/// An overlay that is of two kinds, joins nothing, or does not fit what it joins.
pub(super) const OVERLAY: Code = Code(193);
/// A link between hosts that is said to be what only a link on one host is.
pub(super) const BETWEEN: Code = Code(194);
