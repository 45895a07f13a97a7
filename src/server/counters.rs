//! Statistics of one worker: written by it alone, added up by whoever shows them.

use crate::util::count::Count;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// What is counted for a frontend, a backend or a server (what does not apply stays 0).
        #[derive(Default, Debug)]
        pub struct Counters { $($(#[$doc])* pub $name: Count,)* }

        impl Counters {
            /// Adds another worker's numbers.
            pub fn absorb(&self, other: &Counters) {
                $(self.$name.add(other.$name.get());)*
            }
        }
    };
}

counters! {
    /// Connections accepted by a frontend.
    connections,
    /// Sessions of a frontend, backend or server since the start.
    sessions,
    bytes_in,
    bytes_out,
    /// Requests and responses refused by a rule.
    denied_requests,
    denied_responses,
    /// Connections and sessions refused by a rule before anything of them was read.
    denied_connections,
    denied_sessions,
    /// Requests that were answered by a page of our own.
    intercepted,
    /// Malformed requests, timeouts and aborts before a request was complete.
    request_errors,
    connect_errors,
    response_errors,
    retries,
    redispatches,
    /// Sessions that balancing (not persistence) sent here.
    balanced,
    client_aborts,
    server_aborts,
    requests,
    /// Responses by class: 1xx to 5xx, and others.
    responses_1xx,
    responses_2xx,
    responses_3xx,
    responses_4xx,
    responses_5xx,
    responses_other,
    /// New connections to a server, and requests over one that was idle.
    connects,
    reuses,
    /// Sums for the averages, ms.
    queue_ms,
    connect_ms,
    response_ms,
    total_ms,
    queue_max_ms,
    connect_max_ms,
    response_max_ms,
    total_max_ms,
    checks_failed,
    checks_down,
}

impl Counters {
    /// Counts a response by its status.
    pub fn response(&self, status: u16) {
        match status / 100 {
            1 => &self.responses_1xx,
            2 => &self.responses_2xx,
            3 => &self.responses_3xx,
            4 => &self.responses_4xx,
            5 => &self.responses_5xx,
            _ => &self.responses_other,
        }
        .inc();
    }
}

/// All counters of one worker.
pub struct Tally {
    slots: Vec<Counters>,
    /// Times that the loop woke, and others of the process page.
    pub loops: Count,
    pub pool_failures: Count,
}

impl Tally {
    /// Counters for `n` slots (see `Shared::fe_slot` and its kin).
    pub fn new(n: usize) -> Tally {
        Tally {
            slots: (0..n).map(|_| Counters::default()).collect(),
            loops: Count::default(),
            pool_failures: Count::default(),
        }
    }

    /// The counters of a slot.
    #[inline]
    pub fn slot(&self, n: usize) -> &Counters {
        &self.slots[n]
    }
}

/// The sum of a slot over all workers.
pub fn sum(tallies: &[Tally], slot: usize) -> Counters {
    let total = Counters::default();
    for t in tallies {
        total.absorb(t.slot(slot));
    }
    let maxima: [fn(&Counters) -> &Count; 4] =
        [|c| &c.queue_max_ms, |c| &c.connect_max_ms, |c| &c.response_max_ms, |c| &c.total_max_ms];
    for max in maxima {
        max(&total).set(tallies.iter().map(|t| max(t.slot(slot)).get()).max().unwrap_or(0));
    }
    total
}
