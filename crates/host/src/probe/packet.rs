//! Echo requests, and what comes back to them (RFC 792, RFC 4443).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an echo request carries, so that its answer is known beyond doubt: the peer sends it back as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// The same in all requests of one run, and hard to guess.
    pub(super) run: u64,
    /// When it was sent, in nanoseconds since the run began.
    pub(super) sent: u64,
    /// Which ping it is, counted in a run.
    pub(super) index: u64,
    /// Where the run keeps that ping while it is under way.
    pub(super) slot: u32,
}

/// Bytes of a token in a packet.
const TOKEN: usize = 28;
/// Bytes of an echo's header: type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;

/// A packet that a raw ICMP socket has heard and that concerns a request of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The answer.
    Reply(Token),
    /// Somebody on the way says that it cannot be delivered.
    Undeliverable(Token, &'static str),
}

mod v4 {
    pub(super) const ECHO_REPLY: u8 = 0;
    pub(super) const UNREACHABLE: u8 = 3;
    pub(super) const ECHO: u8 = 8;
    pub(super) const TIME_EXCEEDED: u8 = 11;
    pub(super) const PROTOCOL: u8 = 1;
}

mod v6 {
    pub(super) const UNREACHABLE: u8 = 1;
    pub(super) const TOO_BIG: u8 = 2;
    pub(super) const TIME_EXCEEDED: u8 = 3;
    pub(super) const ECHO: u8 = 128;
    pub(super) const ECHO_REPLY: u8 = 129;
    pub(super) const NEXT_HEADER: u8 = 58;
    /// Bytes of an IPv6 header (RFC 8200 §3).
    pub(super) const IP_HEADER: usize = 40;
}

/// The types that a socket lets through; all others are none of our business.
pub(super) const HEARD_V4: [u8; 3] = [v4::ECHO_REPLY, v4::UNREACHABLE, v4::TIME_EXCEEDED];
/// The same of ICMPv6.
pub(super) const HEARD_V6: [u8; 4] = [v6::ECHO_REPLY, v6::UNREACHABLE, v6::TOO_BIG, v6::TIME_EXCEEDED];

/// An echo request. The kernel fills in ICMPv6's checksum, for it covers the addresses.
pub(super) fn request(to: IpAddr, token: Token) -> [u8; HEADER + TOKEN] {
    let mut packet = [0; HEADER + TOKEN];
    packet[0] = if to.is_ipv4() { v4::ECHO } else { v6::ECHO };
    packet[4..6].copy_from_slice(&(token.run as u16).to_be_bytes());
    packet[6..8].copy_from_slice(&(token.index as u16).to_be_bytes());
    packet[8..16].copy_from_slice(&token.run.to_be_bytes());
    packet[16..24].copy_from_slice(&token.sent.to_be_bytes());
    packet[24..32].copy_from_slice(&token.index.to_be_bytes());
    packet[32..36].copy_from_slice(&token.slot.to_be_bytes());
    if to.is_ipv4() {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// The internet checksum (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What an IPv4 packet with its header says, and who sent it.
pub(super) fn read_v4(packet: &[u8]) -> Option<(Ipv4Addr, Heard)> {
    let (from, icmp) = split_v4(packet)?;
    let code = *icmp.get(1)?;
    let heard = match *icmp.first()? {
        v4::ECHO_REPLY => Heard::Reply(token(icmp)?),
        kind @ (v4::UNREACHABLE | v4::TIME_EXCEEDED) => {
            let (_, quoted) = split_v4(icmp.get(HEADER..)?)?;
            let token = token(quoted).filter(|_| quoted[0] == v4::ECHO)?;
            Heard::Undeliverable(token, if kind == v4::UNREACHABLE { why_v4(code) } else { TIME_EXCEEDED })
        }
        _ => return None,
    };
    Some((from, heard))
}

/// What an ICMPv6 packet, without its IPv6 header as raw sockets give it, says.
pub(super) fn read_v6(icmp: &[u8]) -> Option<Heard> {
    let code = *icmp.get(1)?;
    let why = match *icmp.first()? {
        v6::ECHO_REPLY => return Some(Heard::Reply(token(icmp)?)),
        v6::UNREACHABLE => why_v6(code),
        v6::TOO_BIG => "packet too big",
        v6::TIME_EXCEEDED => TIME_EXCEEDED,
        _ => return None,
    };
    let ip = icmp.get(HEADER..)?;
    let quoted = ip.get(v6::IP_HEADER..).filter(|_| ip[6] == v6::NEXT_HEADER)?;
    Some(Heard::Undeliverable(token(quoted).filter(|_| quoted[0] == v6::ECHO)?, why))
}

/// The sender and the payload of an IPv4 packet that holds ICMP.
fn split_v4(packet: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let from: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    (packet.get(9) == Some(&v4::PROTOCOL)).then_some((from.into(), packet.get(header..)?))
}

fn token(echo: &[u8]) -> Option<Token> {
    let bytes = echo.get(HEADER..HEADER + TOKEN)?;
    let long = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let slot = u32::from_be_bytes(bytes.get(24..28)?.try_into().ok()?);
    Some(Token { run: long(0)?, sent: long(8)?, index: long(16)?, slot })
}

const TIME_EXCEEDED: &str = "its time to live ran out on the way: a routing loop?";

/// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
fn why_v4(code: u8) -> &'static str {
    match code {
        0 | 6 | 11 => "network unreachable",
        1 | 7 | 8 | 12 => "host unreachable",
        2 => "protocol unreachable",
        3 => "port unreachable",
        4 => "packet too big",
        9 | 10 | 13 => "prohibited",
        _ => "destination unreachable",
    }
}

/// RFC 4443 §3.1.
fn why_v6(code: u8) -> &'static str {
    match code {
        0 => "no route to the destination",
        1 => "prohibited",
        3 => "address unreachable",
        4 => "port unreachable",
        5 => "source address refused",
        6 => "route rejected",
        _ => "destination unreachable",
    }
}

/// Whether the answer may come from this address: a request to all zeros or to a group is nobody's.
pub(super) fn is_answerable(to: IpAddr) -> bool {
    match to {
        IpAddr::V4(to) => !(to.is_unspecified() || to.is_multicast() || to.is_broadcast()),
        IpAddr::V6(to) => !(to == Ipv6Addr::UNSPECIFIED || to.is_multicast()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = Token { run: 0x0102_0304_0506_0708, sent: 9, index: 0xffff_0000_0001, slot: 7 };

    fn ip_v4(from: [u8; 4], payload: &[u8]) -> Vec<u8> {
        // A header with one word of options, so that its length is believed and not assumed.
        let mut packet = vec![0x46, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0];
        packet.extend(from);
        packet.extend([10, 0, 0, 1, 0, 0, 0, 0]);
        packet.extend(payload);
        packet
    }

    fn echoed(to: &str, kind: u8) -> Vec<u8> {
        let mut packet = request(to.parse().expect("an address"), TOKEN).to_vec();
        packet[0] = kind;
        packet
    }

    #[test]
    fn a_request_sums_to_zero() {
        assert_eq!(checksum(&request("10.0.0.2".parse().expect("an address"), TOKEN)), 0);
    }

    #[test]
    fn a_reply_gives_the_token_back() {
        let packet = ip_v4([10, 0, 0, 2], &echoed("10.0.0.2", v4::ECHO_REPLY));
        assert_eq!(read_v4(&packet), Some((Ipv4Addr::new(10, 0, 0, 2), Heard::Reply(TOKEN))));
        assert_eq!(read_v6(&echoed("fd00::2", v6::ECHO_REPLY)), Some(Heard::Reply(TOKEN)));
    }

    #[test]
    fn an_error_gives_the_token_of_the_request_it_quotes() {
        let mut icmp = vec![v4::UNREACHABLE, 1, 0, 0, 0, 0, 0, 0];
        icmp.extend(ip_v4([10, 0, 0, 1], &echoed("10.0.9.9", v4::ECHO)));
        let heard = Heard::Undeliverable(TOKEN, "host unreachable");
        assert_eq!(read_v4(&ip_v4([10, 0, 0, 254], &icmp)), Some((Ipv4Addr::new(10, 0, 0, 254), heard)));

        let mut icmp = vec![v6::TIME_EXCEEDED, 0, 0, 0, 0, 0, 0, 0];
        icmp.extend([0x60, 0, 0, 0, 0, 36, v6::NEXT_HEADER, 1]);
        icmp.extend([0; 32]);
        icmp.extend(echoed("fd00::9", v6::ECHO));
        assert_eq!(read_v6(&icmp), Some(Heard::Undeliverable(TOKEN, TIME_EXCEEDED)));
    }

    #[test]
    fn a_packet_cut_anywhere_is_no_answer_and_no_panic() {
        let mut icmp = vec![v4::UNREACHABLE, 1, 0, 0, 0, 0, 0, 0];
        icmp.extend(ip_v4([10, 0, 0, 1], &echoed("10.0.9.9", v4::ECHO)));
        let error = ip_v4([10, 0, 0, 254], &icmp);
        for end in 0..error.len() {
            assert_eq!(read_v4(&error[..end]), None);
            assert_eq!(read_v6(&error[..end]), None);
        }
    }

    #[test]
    fn a_request_of_somebody_is_no_answer() {
        assert_eq!(read_v4(&ip_v4([10, 0, 0, 2], &echoed("10.0.0.1", v4::ECHO))), None);
    }
}
