//! The command line: what can be asked for, as clap reads it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use netsim_core::units;

mod impair;

pub use impair::{Change, ImpairArgs, Limit};

/// A declarative virtual-network engine: plan, apply and prove network labs written in YAML.
#[derive(Debug, Parser)]
#[command(
    name = "netsim",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    propagate_version = true
)]
#[command(after_help = "Try it with no rights at all: netsim --backend sim apply topologies/triangle.yaml")]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, ClapArgs)]
pub struct Global {
    /// What is programmed: this machine's kernel, or a kernel in memory
    #[arg(long, global = true, value_enum, default_value_t = BackendChoice::Linux, help_heading = "Global options")]
    pub backend: BackendChoice,
    /// Where the kernel in memory is kept between commands [default: $NETSIM_SIM, else ~/.local/state/netsim/sim.json]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub sim_file: Option<PathBuf>,
    /// Work in the machine's own namespaces, with its root's rights
    #[arg(long, global = true, conflicts_with = "rootless", help_heading = "Global options")]
    pub root: bool,
    /// Work in a user namespace of this user's own, with no rights on the machine
    #[arg(long, global = true, help_heading = "Global options")]
    pub rootless: bool,
    /// The database of Open vSwitch on this machine: unix:PATH, a path, or tcp:ADDRESS:PORT [default: in $OVS_RUNDIR, else at the usual places]
    #[arg(long, global = true, value_name = "ADDRESS", help_heading = "Global options")]
    pub db: Option<String>,
    /// Use the netsim at this path on other hosts, instead of copying this one there
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub agent: Option<String>,
    /// When to use colours; NO_COLOR is respected too
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto, value_name = "WHEN", help_heading = "Global options")]
    pub color: ColorWhen,
    /// Say only what was asked for, and errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    Linux,
    Sim,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say everything that is wrong with a file
    Validate(ValidateArgs),
    /// Say what apply would do, in order
    Plan(PlanArgs),
    /// Make a file's lab so
    Apply(ApplyArgs),
    /// Remove exactly what was made
    Destroy(DestroyArgs),
    /// Say where a running lab differs from what was applied, or from a file
    Status(StatusArgs),
    /// List the labs that run
    List(ListArgs),
    /// Show the interfaces, addresses, routes and forwarding table of a node, or the two ends of a link
    Show(ShowArgs),
    /// Run a command in a node; its exit code is netsim's
    Exec(ExecArgs),
    /// Open a shell in a node
    Shell(ShellArgs),
    /// Prove that a lab works: ping every pair from inside and compare with what the graph says
    Check(CheckArgs),
    /// Change, while a lab runs, what an interface does to the packets that it sends
    Impair(ImpairArgs),
    /// Take a running lab's interface down or up
    #[command(subcommand)]
    Link(LinkArgs),
    /// Draw a lab as Mermaid or DOT
    Graph(GraphArgs),
    /// Turn another tool's file into a topology
    #[command(subcommand)]
    Import(ImportArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the JSON Schema of topology files, for editors
    Schema,
    /// Do what a netsim on another machine asks for, over standard input and output; ssh starts it
    #[command(hide = true)]
    Agent(AgentArgs),
}

/// Values for the `${NAME}` of a file.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Vars {
    /// Give ${NAME} in the file a value; it goes before the environment
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    units::time(text).map(Duration::from_nanos)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
    Sh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Mermaid,
    Dot,
}

#[derive(Debug, ClapArgs)]
pub struct ValidateArgs {
    /// The topology file; - reads standard input
    pub file: String,
    #[command(flatten)]
    pub vars: Vars,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// The topology file; - reads standard input
    pub file: String,
    #[command(flatten)]
    pub vars: Vars,
    /// Plan from this file's lab instead of from the machine: needs no machine and no rights
    #[arg(long, value_name = "OLD")]
    pub from: Option<String>,
    /// Write the plan to a file that apply takes
    #[arg(long, value_name = "PLAN.JSON")]
    pub out: Option<PathBuf>,
    /// Print each step, in order, instead of a line per node and link
    #[arg(long)]
    pub steps: bool,
    /// How to answer: for people, for programs, or as a script of ip, bridge, tc, ethtool, sysctl and ovs-vsctl
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
    /// Only what is to be done on this host; may be given again
    #[arg(long, value_name = "HOST", conflicts_with = "out")]
    pub host: Vec<String>,
    /// Exit with 2 where there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    /// The topology file, or a plan that `plan --out` wrote; - reads standard input
    pub file: String,
    #[command(flatten)]
    pub vars: Vars,
    /// Prove the lab afterwards, as `check` does
    #[arg(long)]
    pub check: bool,
    /// Leave what was done where it fails, instead of rolling back
    #[arg(long)]
    pub no_rollback: bool,
    /// Where one host fails or cannot be reached, go on with the others, instead of rolling all back
    #[arg(long, conflicts_with = "no_rollback")]
    pub keep_going: bool,
}

#[derive(Debug, ClapArgs)]
pub struct DestroyArgs {
    /// The topology file, or the name of a running lab
    #[arg(value_name = "FILE|LAB")]
    pub lab: String,
    #[command(flatten)]
    pub vars: Vars,
    /// Only what is on this host, as one that came back later; may be given again
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,
    /// Return before the kernel has freed the namespaces
    #[arg(long)]
    pub no_wait: bool,
}

#[derive(Debug, ClapArgs)]
pub struct StatusArgs {
    /// The name of a running lab, or a file to compare it with; may be left out while only one lab runs
    #[arg(value_name = "LAB|FILE")]
    pub lab: Option<String>,
    #[command(flatten)]
    pub vars: Vars,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Exit with 2 where the lab differs
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// The labs on this host of any lab that was applied from here, asked there
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// NODE or, for a link, one of its ends NODE:INTERFACE; LAB/ in front where several labs run
    #[arg(value_name = "[LAB/]NODE[:INTERFACE]")]
    pub what: String,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct ExecArgs {
    /// The node; LAB/ in front where several labs run
    #[arg(value_name = "[LAB/]NODE")]
    pub node: String,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, ClapArgs)]
pub struct ShellArgs {
    /// The node; LAB/ in front where several labs run
    #[arg(value_name = "[LAB/]NODE")]
    pub node: String,
}

#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// The name of a running lab, or its file; may be left out while only one lab runs
    #[arg(value_name = "LAB|FILE")]
    pub lab: Option<String>,
    #[command(flatten)]
    pub vars: Vars,
    /// How to answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Only pairs of nodes that both fit this pattern, as `host*`
    #[arg(long, value_name = "PATTERN")]
    pub between: Option<String>,
    /// Ask again and again until this file is there; one lost ping is a difference then
    #[arg(long, value_name = "FILE")]
    pub until: Option<PathBuf>,
    /// With --until: how long to rest between two rounds
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "100ms", requires = "until")]
    pub interval: Duration,
}

#[derive(Debug, Subcommand)]
pub enum LinkArgs {
    /// Take it down: what goes by it finds no way
    Down(EndArgs),
    /// Bring it up, with the addresses and routes that stand on it
    Up(EndArgs),
}

#[derive(Debug, ClapArgs)]
pub struct EndArgs {
    /// One end of the link; LAB/ in front where several labs run
    #[arg(value_name = "[LAB/]NODE:INTERFACE")]
    pub interface: String,
}

#[derive(Debug, ClapArgs)]
pub struct GraphArgs {
    /// The topology file, or the name of a running lab
    #[arg(value_name = "FILE|LAB")]
    pub lab: String,
    #[command(flatten)]
    pub vars: Vars,
    /// The language to draw in
    #[arg(long, value_enum, default_value_t = GraphFormat::Mermaid)]
    pub format: GraphFormat,
    /// Write interface names and addresses at the ends of the links
    #[arg(long)]
    pub addresses: bool,
}

#[derive(Debug, Subcommand)]
pub enum ImportArgs {
    /// A cluster_config.json: nodes with names and addresses on one bridge, with delay and loss; in any dialect
    ClusterConfig {
        /// The JSON file; - reads standard input
        file: String,
        /// Name the lab so; by default as the file says, or after the file
        #[arg(long)]
        name: Option<String>,
        /// Write the topology here instead of printing it
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// GraphML as the Internet Topology Zoo has it
    Graphml {
        /// The GraphML file; - reads standard input
        file: String,
        /// Name the lab so; by default after the graph
        #[arg(long)]
        name: Option<String>,
        /// Write the topology here instead of printing it
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub struct AgentArgs {
    /// Become a program in a node, as one word says
    #[arg(long, value_name = "WORD", hide = true)]
    pub enter: Option<String>,
    /// The address of this machine by which SSH reached it
    #[arg(long, value_name = "ADDRESS", hide = true)]
    pub reached: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
