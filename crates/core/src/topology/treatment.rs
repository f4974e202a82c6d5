//! How an interface treats packets: from what is written of it at several places to what holds.

use std::rc::Rc;

use indexmap::IndexMap;

use super::problems::Problems;
use super::quantities::Reading;
use super::{Impairment, LONGEST_DELAY, LossWritten, Written, codes};
use crate::problem::Place;
use crate::resource::{Distribution, Knob};
use crate::spec::written::{GilbertSpec, LossSpec, StateSpec, SwitchSpec, Treatment};

/// The longest transmit queue, in packets.
const LONGEST_QUEUE: u32 = 1_000_000;

/// The most queues that a kernel gives a device (`rtnl_create_link`, net/core/rtnetlink.c).
const MOST_QUEUES: u32 = 4096;

/// Whom a value is written for; the later the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// All links: where it does not fit, it is not meant.
    Default,
    /// A link.
    Link,
    /// An interface.
    Own,
}

/// A value, and where it is written.
#[derive(Debug, Clone)]
struct Said<T> {
    value: T,
    level: Level,
    at: Place,
}

macro_rules! treating {
    ($($field:ident $key:literal: $type:ty,)+) => {
        /// What is written of how an interface treats packets; of each key the strongest.
        #[derive(Debug, Clone, Default)]
        pub(super) struct Treating {
            $($field: Option<Said<$type>>,)+
            /// By [`Knob`]; the empty text, or `on`, is what a new device has.
            knobs: [Option<Said<String>>; Knob::WORDS.len()],
            /// Where the strongest impairment is written.
            impaired_at: Option<Place>,
        }

        impl Treating {
            /// Every key that is written, for whom, and where.
            fn said(&self) -> Vec<(&'static str, Level, &Place)> {
                let mut all = Vec::new();
                $(all.extend(self.$field.as_ref().map(|said| ($key, said.level, &said.at)));)+
                for (said, (word, _)) in self.knobs.iter().zip(Knob::WORDS) {
                    all.extend(said.as_ref().map(|said| (word, said.level, &said.at)));
                }
                all
            }

            /// These without what is written for all links.
            pub fn without_defaults(&self) -> Self {
                let mut all = self.clone();
                $(all.$field = all.$field.filter(|said| said.level != Level::Default);)+
                for knob in &mut all.knobs {
                    *knob = knob.take().filter(|said| said.level != Level::Default);
                }
                all
            }

            /// These values, and where there is none the weaker ones. `twice` hears of a key that is written twice of one interface, and where.
            fn fill(&mut self, weaker: &Treating, twice: &mut dyn FnMut(&str, &Place)) {
                $(fill(&mut self.$field, &weaker.$field, $key, twice);)+
                for ((mine, theirs), (word, _)) in self.knobs.iter_mut().zip(&weaker.knobs).zip(Knob::WORDS) {
                    fill(mine, theirs, word, twice);
                }
                if self.impaired_at.is_none() {
                    self.impaired_at.clone_from(&weaker.impaired_at);
                }
            }
        }
    };
}

treating! {
    delay "delay": u64,
    jitter "jitter": u64,
    distribution "distribution": Distribution,
    loss "loss": LossWritten,
    duplicate "duplicate": f64,
    corrupt "corrupt": f64,
    reorder "reorder": f64,
    rate "rate": u64,
    limit "limit": u32,
    ecn "ecn": bool,
    seed "seed": u64,
    down "state": bool,
    tx_queue_len "txqueuelen": u32,
    queues "queues": u32,
}

fn fill<T: Clone>(
    mine: &mut Option<Said<T>>,
    theirs: &Option<Said<T>>,
    key: &str,
    twice: &mut dyn FnMut(&str, &Place),
) {
    match (mine.as_ref(), theirs) {
        (Some(m), Some(t)) if m.level == Level::Own && t.level == Level::Own => twice(key, &m.at),
        (Some(_), _) => {}
        (None, theirs) => mine.clone_from(theirs),
    }
}

/// What an interface is, as far as it matters to how it treats packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// An end of a veth pair.
    Veth,
    /// The same, unless it is between hosts, which is not known: what only a pair has keeps both its ends on one.
    Open,
    /// Another device, called so.
    Other(&'static str),
}

impl Treating {
    /// Reads what is written at a place; none if nothing is.
    pub fn read(written: Treatment, level: Level, at: &Place, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader { level, at, problems };
        let mut all = Treating {
            delay: reader.value("delay", written.delay, |r, text| r.time(text, LONGEST_DELAY)),
            jitter: reader.value("jitter", written.jitter, |r, text| r.jitter(text)),
            distribution: reader.plain("distribution", written.distribution),
            loss: reader.loss(written.loss),
            duplicate: reader.value("duplicate", written.duplicate, |r, text| r.percent(text)),
            corrupt: reader.value("corrupt", written.corrupt, |r, text| r.percent(text)),
            reorder: reader.value("reorder", written.reorder, |r, text| r.percent(text)),
            rate: reader.value("rate", written.rate, |r, text| r.rate(text)),
            limit: reader.value("limit", written.limit, |r, n| r.within(n, 1, u32::MAX)),
            ecn: reader.plain("ecn", written.ecn),
            seed: reader.plain("seed", written.seed),
            down: None,
            tx_queue_len: reader.value("txqueuelen", written.txqueuelen, |r, n| r.within(n, 0, LONGEST_QUEUE)),
            queues: reader.value("queues", written.queues, |r, n| r.within(n, 1, MOST_QUEUES)),
            knobs: reader.knobs(&written),
            impaired_at: None,
        };
        if all.impairs() {
            all.impaired_at = Some(at.clone());
        }
        all.down = reader.plain("state", written.state.map(|s| s == StateSpec::Down));
        (all.impaired_at.is_some() || all.sets()).then_some(all)
    }

    /// The first key that is written of it, and not for all links, and where.
    pub fn first(&self) -> Option<(&'static str, &Place)> {
        self.said().into_iter().find(|(_, level, _)| *level != Level::Default).map(|(key, _, at)| (key, at))
    }

    fn impairs(&self) -> bool {
        let shares = [&self.duplicate, &self.corrupt, &self.reorder];
        let flags = [self.distribution.is_some(), self.loss.is_some(), self.limit.is_some(), self.ecn.is_some()];
        [&self.delay, &self.jitter, &self.rate, &self.seed].into_iter().any(Option::is_some)
            || shares.into_iter().any(Option::is_some)
            || flags.contains(&true)
    }

    fn sets(&self) -> bool {
        self.down.is_some()
            || [&self.tx_queue_len, &self.queues].into_iter().any(Option::is_some)
            || self.knobs.iter().any(Option::is_some)
    }

    /// The stronger over the weaker.
    pub fn over(stronger: Option<Rc<Self>>, weaker: Option<&Rc<Self>>) -> Option<Rc<Self>> {
        match (stronger, weaker) {
            (Some(stronger), Some(weaker)) => {
                let mut all = Treating::clone(&stronger);
                all.inherit(weaker);
                Some(Rc::new(all))
            }
            (Some(one), None) => Some(one),
            (None, weaker) => weaker.cloned(),
        }
    }

    /// Takes over the weaker ones where nothing is said.
    pub fn inherit(&mut self, weaker: &Self) {
        self.fill(weaker, &mut |_, _| {});
    }

    /// These values, over others that may be of the same interface: `twice` hears of it.
    pub fn beside(&self, others: Option<&Rc<Self>>, twice: &mut dyn FnMut(&str, &Place)) -> Rc<Self> {
        let mut all = self.clone();
        if let Some(others) = others {
            all.fill(others, twice);
        }
        Rc::new(all)
    }

    /// What holds for an interface.
    pub fn written(&self, on: On, problems: &mut Problems) -> Written {
        let mut fitting = Fitting { problems };
        let queues = fitting.of_pairs(&self.queues, "queues", on);
        Written {
            impairment: self.impairment(&mut fitting),
            down: self.down.as_ref().is_some_and(|s| s.value),
            tx_queue_len: fitting.of_pairs(&self.tx_queue_len, "txqueuelen", on),
            queues,
            tuning: self.tuning(queues.unwrap_or(1), on, &mut fitting),
        }
    }

    fn impairment(&self, fitting: &mut Fitting) -> Option<Impairment> {
        let delay = self.delay.as_ref().map_or(0, |s| s.value);
        let jitter = fitting.with("jitter", &self.jitter, delay > 0, "delay").filter(|&j| {
            let said = self.jitter.as_ref();
            j <= delay
                || said.is_some_and(|s| fitting.no(s, "the jitter is more than the delay", "write at most the delay"))
        });
        let jitter = jitter.unwrap_or(0);
        let share = |said: &Option<Said<f64>>| said.as_ref().map_or(0.0, |s| s.value);
        let loss = self.loss.as_ref().map(|s| s.value).filter(|l| *l != LossWritten::Random(0.0));
        let (duplicate, corrupt) = (share(&self.duplicate), share(&self.corrupt));
        let distribution = self.distribution.clone().filter(|s| s.value != Distribution::Uniform);
        let distribution = fitting.with("distribution", &distribution, jitter > 0, "jitter").unwrap_or_default();
        let reorder = self.reorder.clone().filter(|s| s.value > 0.0);
        let reorder = fitting.with("reorder", &reorder, delay > 0, "delay").unwrap_or(0.0);
        let ecn = fitting.with("ecn", &self.ecn.clone().filter(|s| s.value), loss.is_some(), "loss").is_some();
        let chance = jitter > 0 || loss.is_some() || duplicate > 0.0 || corrupt > 0.0 || reorder > 0.0;
        let seed = self.seed.as_ref().filter(|s| {
            let message = "`seed` is what chance begins with, and nothing here is left to chance";
            chance || fitting.no(s, message, "write `loss:`, `jitter:`, `duplicate:` or `corrupt:` beside it")
        });
        let rate = self.rate.as_ref().map(|s| s.value);
        let limit = self.limit.as_ref().map(|s| s.value);
        let does = delay > 0 || chance || rate.is_some() || limit.is_some();
        does.then(|| Impairment {
            delay,
            jitter,
            distribution,
            loss,
            duplicate,
            corrupt,
            reorder,
            rate,
            limit,
            ecn,
            seed: seed.map(|s| s.value),
            at: self.impaired_at.clone().unwrap_or_default(),
        })
    }

    fn tuning(&self, queues: u32, on: On, fitting: &mut Fitting) -> IndexMap<Knob, String> {
        let mut tuning = IndexMap::new();
        let said = |knob| Knob::WORDS.into_iter().zip(&self.knobs).find(|((_, k), _)| *k == knob)?.1.as_ref();
        let unsummed = said(Knob::TxChecksum).is_some_and(|sum| sum.value == "off");
        if let Some(tso) = said(Knob::Tso).filter(|tso| unsummed && tso.value == "on") {
            let message = "`tso` is on, and `tx-checksum` off, without which a kernel has none";
            fitting.no(tso, message, "write both `on`, or both `off`");
        }
        for ((word, knob), said) in Knob::WORDS.into_iter().zip(&self.knobs) {
            let Some(said) = said.as_ref().filter(|s| !s.value.is_empty() && s.value != "on") else { continue };
            let fits = match (knob, on) {
                (Knob::XpsCpus, On::Veth | On::Open) if queues < 2 => {
                    fitting.no_setting(said, "`xps-cpus` chooses among queues, and there is 1", "write `queues: 2`");
                    false
                }
                (Knob::XpsCpus, On::Open | On::Other(_)) => fitting.of_pairs(&Some(said.clone()), word, on).is_some(),
                (
                    Knob::RpsCpus | Knob::XpsCpus | Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso,
                    On::Veth | On::Open | On::Other(_),
                ) => true,
            };
            if fits {
                tuning.insert(knob, said.value.clone());
            }
        }
        tuning
    }
}

/// Reads the values at one place.
struct Reader<'a> {
    level: Level,
    at: &'a Place,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn value<V, T>(
        &mut self,
        key: &str,
        written: Option<V>,
        read: impl Fn(&mut Reading, V) -> Option<T>,
    ) -> Option<Said<T>> {
        let written = written?;
        let at = self.at.key(key);
        let value = read(&mut Reading { at: at.clone(), problems: self.problems }, written)?;
        Some(Said { value, level: self.level, at })
    }

    fn plain<T>(&mut self, key: &str, written: Option<T>) -> Option<Said<T>> {
        self.value(key, written, |_, value| Some(value))
    }

    fn loss(&mut self, written: Option<&LossSpec>) -> Option<Said<LossWritten>> {
        self.value("loss", written, |reading, loss| match loss {
            LossSpec::Share(text) => reading.percent(text).map(LossWritten::Random),
            LossSpec::Bursts(bursts) => gilbert(reading, bursts),
        })
    }

    fn knobs(&mut self, written: &Treatment) -> [Option<Said<String>>; Knob::WORDS.len()] {
        let offload = |knob| {
            let offloads = written.offloads?;
            match knob {
                Knob::TxChecksum => offloads.tx_checksum,
                Knob::Gso => offloads.gso,
                Knob::Gro => offloads.gro,
                Knob::Tso => offloads.tso,
                Knob::RpsCpus | Knob::XpsCpus => None,
            }
        };
        Knob::WORDS.map(|(word, knob)| match knob {
            Knob::RpsCpus | Knob::XpsCpus => {
                let list = if knob == Knob::RpsCpus { written.rps_cpus } else { written.xps_cpus };
                let at = self.at.key(word);
                self.value(word, list, |reading, list| reading.cpus(list.each(&at)))
            }
            Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso => {
                let said = self.plain(word, offload(knob))?;
                let value = if said.value == SwitchSpec::On { "on" } else { "off" }.to_owned();
                Some(Said { value, level: said.level, at: self.at.key("offloads").key(word) })
            }
        })
    }
}

fn gilbert(reading: &mut Reading, bursts: &GilbertSpec) -> Option<LossWritten> {
    let whole = reading.at.clone();
    let mut share = |key: &str, text: &Option<String>, otherwise: f64| {
        reading.at = whole.key(key);
        text.as_ref().map_or(Some(otherwise), |text| reading.percent(text))
    };
    // That `p` is missing is told by the pass over the text.
    let p = share("p", &bursts.p, 0.0)?;
    Some(LossWritten::GilbertElliott {
        p,
        r: share("r", &bursts.r, 100.0 - p)?,
        h: share("1-h", &bursts.one_less_h, 100.0)?,
        k: share("1-k", &bursts.one_less_k, 0.0)?,
    })
}

/// Tells what does not fit, but for what is written for all links.
struct Fitting<'b> {
    problems: &'b mut Problems,
}

impl Fitting<'_> {
    /// A value that means something only with another one.
    fn with<T: Clone>(&mut self, key: &str, said: &Option<Said<T>>, fits: bool, other: &str) -> Option<T> {
        let said = said.as_ref()?;
        if fits {
            return Some(said.value.clone());
        }
        self.no(said, &format!("`{key}` means nothing without `{other}`"), &format!("write `{other}:` beside it"));
        None
    }

    /// A value that only an end of a veth pair has.
    fn of_pairs<T: Clone>(&mut self, said: &Option<Said<T>>, key: &str, on: On) -> Option<T> {
        let said = said.as_ref()?;
        match on {
            On::Veth => Some(said.value.clone()),
            On::Open => (said.level != Level::Default).then(|| said.value.clone()),
            On::Other(what) => {
                self.no_setting(said, &format!("{what} takes no `{key}`"), "write it on a link, or take it away");
                None
            }
        }
    }

    fn no<T>(&mut self, said: &Said<T>, message: &str, hint: &str) -> bool {
        if said.level != Level::Default {
            self.problems.tell(codes::ALONE, &said.at, message, hint);
        }
        false
    }

    fn no_setting<T>(&mut self, said: &Said<T>, message: &str, hint: &str) {
        if said.level != Level::Default {
            self.problems.tell(codes::TUNING, &said.at, message, hint);
        }
    }
}
