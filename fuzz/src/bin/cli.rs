//! Lines to the command socket.
#![no_main]

use evenkeel::applet::{Progress, View};
use evenkeel::cli::converse;
use evenkeel::mem::{Handle, Pool, Usage};
use evenkeel::model::CliLevel;
use evenkeel::server::{Shared, Sizes};
use evenkeel::session::endpoint::{Conn, Owner};
use evenkeel::session::{AppletState, Phase, Session};
use evenkeel::util::fmt::Out;
use evenkeel_fuzz::{load_good, seeds};
use std::cell::OnceCell;
use std::sync::Arc;

const CONFIG: &str = "
listen l
    mode http
    bind 127.0.0.1:1 name one
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    server a 127.0.0.1:2 check weight 5
    server b 127.0.0.1:3 backup
frontend f
    mode tcp
    bind 127.0.0.1:4
    timeout client 1s
    default_backend b
backend b
    mode tcp
    timeout connect 1s
    timeout server 1s
    server s 127.0.0.1:5
";

/// Bytes of a session's buffer; the least that an answer has to do with, and one that holds all.
const ROOMS: [usize; 2] = [1500, 1 << 16];

/// A process to look at.
struct Process {
    shared: Shared,
    sessions: Pool<Session>,
    conns: Pool<Conn>,
    pools: Vec<(&'static str, Usage)>,
}

impl Process {
    fn new() -> Process {
        let loaded = load_good(CONFIG);
        let limits = Sizes {
            maxconn: 50,
            maxsock: 150,
            maxpipes: 0,
            ulimit_n: 150,
            workers: 1,
            memory_bound: 1 << 20,
            memory_limit_mib: 0,
        };
        let shared = Shared::new(Arc::new(loaded.config), Arc::new(loaded.rules), limits, 1000, 1_795_256_152).unwrap();
        let (mut sessions, mut conns) = (Pool::new(4), Pool::new(4));
        let client = conns.alloc(Conn::new(7, true, 0, Owner::IdleClient)).unwrap();
        let session = sessions.alloc(Session::new(client, 0, true, Phase::Request)).unwrap();
        sessions[session].me = session;
        let pools = vec![("session", sessions.usage()), ("connection", conns.usage())];
        Process { shared, sessions, conns, pools }
    }

    /// All that is answered to lines, by way of a buffer of this size.
    fn answer(&self, mut input: &[u8], level: CliLevel, room: usize) -> Vec<u8> {
        let view = View {
            shared: &self.shared,
            now_ms: 5_000_000,
            wall: (1_795_256_158, 0),
            worker: 0,
            pools: &self.pools,
            sessions: &self.sessions,
            conns: &self.conns,
            level,
            host: "here",
            version: "0",
            asker: Handle::NONE,
        };
        let (mut state, mut all, mut buffer) = (AppletState::default(), Vec::new(), vec![0; room]);
        while !input.is_empty() {
            let (mut taken, mut out) = (0, Out::new(&mut buffer));
            let progress = converse(&view, input, &mut state, &mut taken, &mut out);
            assert!(!out.overflow(), "an answer is cut");
            assert!(taken <= input.len());
            assert!(taken > 0 || !out.is_empty(), "it stands still");
            assert!(progress != Progress::Elsewhere && all.len() < 1 << 22);
            all.extend_from_slice(out.bytes());
            input = &input[taken..];
        }
        all
    }
}

thread_local! {
    static PROCESS: OnceCell<Process> = const { OnceCell::new() };
}

fn seeds() -> Vec<Vec<u8>> {
    let commands = evenkeel::cli::COMMANDS.iter().map(|c| c.name);
    let more =
        ["show stat -1 4 -1; show info", "show sess all", "show stat l 7 1 up", "help show", "prompt\nshow\nquit\n"];
    commands.chain(more).map(|line| [&[2], line.as_bytes()].concat()).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::write(seeds, seeds::command_words), |data: &[u8]| {
    let Some((level, input)) = data.split_first() else { return };
    let input = &input[..input.len().min(500)];
    let level = [CliLevel::User, CliLevel::Operator, CliLevel::Admin][usize::from(*level) % 3];
    PROCESS.with(|process| {
        let process = process.get_or_init(Process::new);
        let [small, large] = ROOMS.map(|room| process.answer(input, level, room));
        assert_eq!(small, large, "{}", input.escape_ascii());
    });
});
