//! Datagrams from node to node, each with its number and the time at which it was sent: what a link did to them can be told.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::enter::in_netns;

/// How long the last datagram may take after all were sent.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A stream of datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// How many.
    pub count: u32,
    /// Bytes of each, without the headers of UDP and IPv4: at least 4.
    pub size: usize,
    /// From one to the next.
    pub every: Duration,
}

/// One datagram that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Which it is, from 0.
    pub number: u32,
    /// From being sent.
    pub after: Duration,
    /// From the first arrival.
    pub at: Duration,
}

fn socket(netns: &str) -> UdpSocket {
    let id = NetnsId::Named(NetnsName::new(netns).expect("a namespace's name"));
    in_netns(&id, || UdpSocket::bind("0.0.0.0:0")).expect("it is there").expect("it has IPv4")
}

/// Sends a stream from one namespace to an address in another; what arrived, in the order of arrival.
pub fn send(from: &str, to: &str, address: IpAddr, stream: Stream) -> Vec<Arrival> {
    let (out, inn) = (socket(from), socket(to));
    let target = SocketAddr::new(address, inn.local_addr().expect("it is bound").port());
    inn.set_read_timeout(Some(PATIENCE)).expect("not zero");
    let start = Instant::now();
    // The first is lost while the neighbour's address is found out.
    let _ = out.send_to(&[0xff; 4], target);
    std::thread::sleep(Duration::from_millis(50));
    let (sent, seen) = std::thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&inn, start));
        let mut sent = Vec::with_capacity(stream.count as usize);
        let begin = Instant::now();
        let mut datagram = vec![0; stream.size.max(4)];
        for number in 0..stream.count {
            let due = stream.every * number;
            while let Some(early) = due.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
                std::thread::sleep(early);
            }
            datagram[..4].copy_from_slice(&number.to_be_bytes());
            sent.push(start.elapsed());
            let _ = out.send_to(&datagram, target);
        }
        (sent, receiver.join().expect("receiving does not panic"))
    });
    let first = seen.first().map_or(Duration::ZERO, |(_, at)| *at);
    let of_stream = seen.into_iter().filter_map(|(number, at)| {
        let after = at.saturating_sub(*sent.get(number as usize)?);
        Some(Arrival { number, after, at: at.saturating_sub(first) })
    });
    of_stream.collect()
}

fn receive(socket: &UdpSocket, start: Instant) -> Vec<(u32, Duration)> {
    let mut buffer = [0; 2048];
    let mut seen = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        let now = start.elapsed();
        if let Some(number) = buffer[..length].first_chunk() {
            seen.push((u32::from_be_bytes(*number), now));
        }
    }
    seen
}

/// The median of the times that datagrams took.
pub fn median(arrivals: &[Arrival]) -> Duration {
    let mut times: Vec<Duration> = arrivals.iter().map(|a| a.after).collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The share of datagrams that never arrived.
pub fn lost(arrivals: &[Arrival], stream: Stream) -> f64 {
    let mut numbers: Vec<u32> = arrivals.iter().map(|a| a.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    1.0 - numbers.len() as f64 / f64::from(stream.count)
}

/// Whether a share is what chance can make of a probability: within four standard deviations of so many independent draws.
pub fn is_likely(share: f64, probability: f64, draws: u32) -> bool {
    let deviation = (probability * (1.0 - probability) / f64::from(draws)).sqrt();
    (share - probability).abs() <= 4.0 * deviation
}

/// Bits a second on the wire while datagrams arrived, with the headers of UDP, IPv4 and Ethernet that queueing disciplines count.
pub fn rate(arrivals: &[Arrival], stream: Stream) -> f64 {
    let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return 0.0 };
    let bytes = (arrivals.len() - 1) * (stream.size + 8 + 20 + 14);
    bytes as f64 * 8.0 / (last.at - first.at).as_secs_f64()
}
