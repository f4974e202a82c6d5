//! The arguments of `impair`.

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use netsim_core::resource::Distribution;
use netsim_core::topology::LossWritten;
use netsim_core::units;

use super::Format;

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "What is given is changed and the rest stays as it is; with none of the options it shows what there is."
)]
pub struct ImpairArgs {
    /// The interface that sends; LAB/ in front where several labs run
    #[arg(value_name = "[LAB/]NODE:INTERFACE")]
    pub interface: String,
    #[command(flatten)]
    pub change: Change,
    /// Put back what the file says
    #[arg(long, conflicts_with_all = ["none", "Change"])]
    pub reset: bool,
    /// Let packets pass as they come, whatever the file says
    #[arg(long, conflicts_with = "Change")]
    pub none: bool,
    /// Show what it does, and what the file says
    #[arg(long, conflicts_with_all = ["reset", "none", "Change"])]
    pub show: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What is to be otherwise.
#[derive(Debug, Clone, Default, ClapArgs)]
#[group(multiple = true)]
pub struct Change {
    /// How much later each packet is sent, as 50ms; 0ms: at once
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    pub delay: Option<u64>,
    /// How much the delay varies, as 5ms: at most the delay
    #[arg(long, value_name = "TIME", value_parser = units::time)]
    pub jitter: Option<u64>,
    /// How the delay varies
    #[arg(long, value_parser = distributions())]
    pub distribution: Option<Distribution>,
    /// The share that is lost, as 1%; in bursts P,R[,1-H[,1-K]], as 2%,20%
    #[arg(long, value_name = "PERCENT", value_parser = loss)]
    pub loss: Option<LossWritten>,
    /// The share that is sent twice, as 1%
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    pub duplicate: Option<f64>,
    /// The share in which a bit is changed, as 1%
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    pub corrupt: Option<f64>,
    /// The share that is sent at once, past those that wait, as 1%
    #[arg(long, value_name = "PERCENT", value_parser = units::percent)]
    pub reorder: Option<f64>,
    /// How much is sent at most, as 100mbit; none: as much as comes
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rate: Option<Rate>,
    /// How many packets may wait; auto: enough for the rate and the delay
    #[arg(long, value_name = "PACKETS", value_parser = limit)]
    pub limit: Option<Limit>,
    /// Mark packets instead of losing them, where they can be (RFC 3168)
    #[arg(long, value_name = "on|off", num_args = 0..=1, require_equals = true, default_missing_value = "on", value_parser = switch)]
    pub ecn: Option<bool>,
    /// What chance begins with, so that it is the same each time; since Linux 6.6
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// Bits a second; none: no limit.
pub type Rate = Option<u64>;

/// How many packets may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Auto,
    Packets(u32),
}

impl Change {
    /// Whether nothing is to be otherwise.
    pub fn is_empty(&self) -> bool {
        let Change { delay, jitter, distribution, loss, duplicate, corrupt, reorder, rate, limit, ecn, seed } = self;
        let shares = [duplicate, corrupt, reorder].iter().all(|share| share.is_none());
        let times = delay.is_none() && jitter.is_none() && distribution.is_none() && loss.is_none();
        times && shares && rate.is_none() && limit.is_none() && ecn.is_none() && seed.is_none()
    }
}

fn distributions() -> impl TypedValueParser<Value = Distribution> {
    let words = PossibleValuesParser::new(["uniform", "normal", "pareto", "paretonormal"]);
    words.map(|word| match word.as_str() {
        "normal" => Distribution::Normal,
        "pareto" => Distribution::Pareto,
        "paretonormal" => Distribution::Paretonormal,
        _ => Distribution::Uniform,
    })
}

fn loss(text: &str) -> Result<LossWritten, &'static str> {
    let shares = text.split(',').map(units::percent).collect::<Result<Vec<f64>, _>>()?;
    match shares[..] {
        [share] => Ok(LossWritten::Random(share)),
        [p, r] => Ok(LossWritten::GilbertElliott { p, r, h: 100.0, k: 0.0 }),
        [p, r, h] => Ok(LossWritten::GilbertElliott { p, r, h, k: 0.0 }),
        [p, r, h, k] => Ok(LossWritten::GilbertElliott { p, r, h, k }),
        _ => Err("write one share, or from two to four for bursts: P,R[,1-H[,1-K]]"),
    }
}

fn rate(text: &str) -> Result<Rate, &'static str> {
    if text == "none" { Ok(None) } else { units::rate(text).map(Some) }
}

fn limit(text: &str) -> Result<Limit, &'static str> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Limit::Auto),
        (_, Ok(packets)) if packets > 0 => Ok(Limit::Packets(packets)),
        (_, _) => Err("write a number of packets from 1 on, or auto"),
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write on or off"),
    }
}
