//! The algorithms against haproxy (oracle.tsv, see tests/differential/balance_oracle.py) and against naive oracles.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::key::{self, UriArgs};
use super::*;

#[derive(Clone, Debug)]
struct Fake {
    weight: u32,
    id: u32,
    max: u32,
    down: bool,
    load: u32,
}

impl Default for Fake {
    fn default() -> Fake {
        Fake { weight: 16, id: 0, max: u32::MAX, down: false, load: 0 }
    }
}

impl Farm for Vec<Fake> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }
    fn weight(&self, server: usize) -> u32 {
        self[server].weight
    }
    fn eligible(&self, server: usize) -> bool {
        !self[server].down
    }
    fn load(&self, server: usize) -> u32 {
        self[server].load
    }
    fn has_room(&self, server: usize) -> bool {
        self[server].load < self[server].max
    }
    fn id(&self, server: usize) -> u32 {
        if self[server].id == 0 { server as u32 + 1 } else { self[server].id }
    }
}

fn weights(weights: &[u32]) -> Vec<Fake> {
    weights.iter().map(|&weight| Fake { weight: weight * WEIGHT_SCALE, ..Fake::default() }).collect()
}

fn parse_farm(spec: &str) -> Vec<Fake> {
    if let Some((count, weight)) = spec.split_once('x').filter(|_| !spec.contains('/')) {
        return weights(&vec![weight.parse().unwrap(); count.parse().unwrap()]);
    }
    let server = |text: &str| {
        let mut parts = text.split('/');
        let mut fake = weights(&[parts.next().unwrap().parse().unwrap()]).remove(0);
        for part in parts {
            match part.split_once('=') {
                Some(("id", id)) => fake.id = id.parse().unwrap(),
                Some(("max", max)) => fake.max = max.parse().unwrap(),
                _ => fake.down = true,
            }
        }
        fake
    };
    spec.split(',').map(server).collect()
}

fn parse_hash_type(spec: &str) -> Options {
    let mut words = spec.split(' ').filter(|&word| word != "-");
    let method = if words.next() == Some("consistent") { Method::Consistent } else { Method::MapBased };
    let function = words.next().map(|name| FUNCTIONS.iter().find(|function| function.name == name).unwrap().run);
    Options::new(method, function, words.next() == Some("avalanche"))
}

fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

fn key_of(options: &Options, kind: &str, input: &str) -> Option<u32> {
    let (family, args) = kind.split_once(':').unwrap_or((kind, ""));
    let raw = percent_decode(input);
    match family {
        "key" => Some(key::of_bytes(options, &raw)),
        "src" => Some(key::source(options, input.parse().unwrap())),
        "uri" => {
            let mut parsed = UriArgs::default();
            let mut words = args.split('+').filter(|word| !word.is_empty());
            while let Some(word) = words.next() {
                match word {
                    "len" => parsed.len_bytes = words.next().unwrap().parse().unwrap(),
                    "depth" => parsed.depth = words.next().unwrap().parse().unwrap(),
                    "whole" => parsed.whole = true,
                    _ => parsed.path_only = true,
                }
            }
            Some(key::uri(options, &raw, &parsed))
        }
        "param" => key::url_param(options, &raw, b"id"),
        "body" => key::body_param(options, &raw, b"id"),
        "hdr" => key::hdr(options, &raw, false),
        "domain" => key::hdr(options, &raw, true),
        "rdp" => key::rdp_cookie(options, &raw),
        _ => panic!("{kind}"),
    }
}

fn held(policy: &mut dyn Policy, farm: &mut Vec<Fake>, key: Option<u32>, ops: &str) -> String {
    let (mut sessions, mut out) = (Vec::new(), Vec::new());
    for op in ops.split(',') {
        if let Some(session) = op.strip_prefix('x') {
            let server: usize = sessions[session.parse::<usize>().unwrap()];
            farm[server].load -= 1;
            policy.load_changed(server);
            continue;
        }
        for _ in 0..op.parse().unwrap() {
            let picked = policy.pick(farm, key, None, 0);
            let full = picked.is_none_or(|server| !farm.has_room(server));
            if let Some(server) = picked {
                farm[server].load += 1;
                sessions.push(server);
            }
            out.push(if full { "-".to_owned() } else { picked.unwrap().to_string() });
        }
    }
    out.join(",")
}

fn sequence(policy: &mut dyn Policy, farm: &Vec<Fake>, picks: usize) -> Vec<usize> {
    (0..picks).map(|_| policy.pick(farm, None, None, 0).unwrap()).collect()
}

#[test]
fn same_as_haproxy() {
    let (mut rows, mut wrong, mut other_order) = (BTreeMap::<&str, usize>::new(), Vec::new(), 0);
    for line in include_str!("oracle.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, hash_type, spec, kind, input, expected] = columns[..] else { panic!("{line}") };
        let mut options = parse_hash_type(hash_type);
        let (name, factor) = name.split_once(" hash-balance-factor ").unwrap_or((name, "0"));
        options.hash_balance_factor = factor.parse().unwrap();
        let mut farm = parse_farm(spec);
        let row = algorithm(if name == "source" { "hash" } else { name }).unwrap();
        let mut policy = (row.make)(farm.len(), &options);
        policy.rebuild(&farm);
        let got = match kind {
            "seq" | "nokey" => {
                let picks = sequence(&mut *policy, &farm, input.parse().unwrap());
                picks.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
            }
            "held" => {
                let local = key::source(&options, [127, 0, 0, 1].into());
                held(&mut *policy, &mut farm, (name == "source").then_some(local), input)
            }
            _ => match key_of(&options, kind, input) {
                Some(hash) => policy.pick(&farm, Some(hash), None, 0).unwrap().to_string(),
                None => "rr".to_owned(),
            },
        };
        *rows.entry(kind.split(':').next().unwrap()).or_default() += 1;
        if name == "roundrobin" && kind == "seq" && got != expected {
            other_order += 1; // another order of the same turns: the exactness is tested below
        } else if got != expected {
            wrong.push(format!("{line}\n    got {got}"));
        }
    }
    println!("{rows:?}; round robin in another order: {other_order}");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows.values().sum::<usize>() > 1000);
}

#[test]
fn tables_are_sorted_and_documented() {
    assert!(ALGORITHMS.is_sorted_by(|a, b| a.name < b.name));
    assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
    assert!(ALGORITHMS.iter().all(|row| !row.doc.is_empty() && !row.since.is_empty()));
}

#[test]
fn nobody_left() {
    let empty: [Vec<Fake>; 3] = [Vec::new(), weights(&[0, 0]), vec![Fake { down: true, ..Fake::default() }]];
    for row in ALGORITHMS {
        for method in [Method::MapBased, Method::Consistent] {
            for farm in &empty {
                let mut policy = (row.make)(2, &Options::new(method, None, false));
                policy.rebuild(farm);
                for key in [None, Some(7)] {
                    assert_eq!(policy.pick(farm, key, Some(0), 1), None, "{}", row.name);
                }
            }
        }
    }
}

#[test]
fn avoids_if_another_is_possible() {
    for row in ALGORITHMS {
        let options = Options::new(Method::Consistent, None, false);
        let mut policy = (row.make)(3, &options);
        let mut farm = weights(&[1, 5, 1]);
        policy.rebuild(&farm);
        for random in 0..50_u32 {
            for key in [None, Some(random.wrapping_mul(0x9e37_79b9))] {
                assert!(policy.pick(&farm, key, Some(1), random).is_some_and(|server| server != 1), "{}", row.name);
            }
        }
        (farm[0].weight, farm[2].down) = (0, true);
        policy.rebuild(&farm);
        for key in [None, Some(1)] {
            assert_eq!(policy.pick(&farm, key, Some(1), 9), Some(1), "{}", row.name);
        }
    }
}

#[test]
fn full_servers() {
    for row in ALGORITHMS {
        let options = Options::new(Method::Consistent, None, false);
        let mut policy = (row.make)(3, &options);
        let mut farm = weights(&[9, 5, 1]);
        policy.rebuild(&farm);
        (farm[0].max, farm[1].max) = (0, 0);
        for random in 0..99 {
            assert_eq!(policy.pick(&farm, None, None, random), Some(2), "{}", row.name);
        }
        farm[2].max = 0;
        assert_eq!(policy.pick(&farm, None, None, 3), None, "{}", row.name);
        farm[0].max = 1;
        assert_eq!(policy.pick(&farm, None, Some(0), 3), Some(0), "{}", row.name);
    }
}

#[test]
fn random_respects_weights_and_load() {
    for (draws, loads) in [(1, [0, 0, 0]), (3, [0, 0, 1000])] {
        let mut policy = (algorithm("random").unwrap().make)(3, &Options { random_draws: draws, ..Options::default() });
        let mut farm = weights(&[10, 30, 60]);
        for (server, load) in farm.iter_mut().zip(loads) {
            server.load = load;
        }
        policy.rebuild(&farm);
        let mut picks = [0; 3];
        for random in 0..10_000_u32 {
            picks[policy.pick(&farm, None, None, random.wrapping_mul(2_654_435_761)).unwrap()] += 1;
        }
        if draws == 1 {
            assert!((700..1300).contains(&picks[0]) && (5500..6500).contains(&picks[2]), "{picks:?}");
        } else {
            assert!(picks[2] < 2700, "{picks:?}"); // only when all three draws meet it: 0.6^3
        }
    }
}

/// The turns of a weighted round robin by trying all servers: earliest deadline among those whose turn has begun.
fn naive_turns(weights: &[u32], picks: usize) -> Vec<usize> {
    let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
    let mut taken = vec![0_u64; weights.len()];
    let mut out = Vec::new();
    for now in 0..picks as u64 {
        let mut best: Option<usize> = None;
        for index in (0..weights.len()).filter(|&index| weights[index] > 0) {
            let weight = |server: usize| u64::from(weights[server]);
            if taken[index] * total >= (now + 1) * weight(index) {
                continue;
            }
            let earlier = |best: usize| {
                let (mine, theirs) = ((taken[index] + 1) * weight(best), (taken[best] + 1) * weight(index));
                mine < theirs || (mine == theirs && weight(index) > weight(best))
            };
            if best.is_none_or(earlier) {
                best = Some(index);
            }
        }
        taken[best.unwrap()] += 1;
        out.push(best.unwrap());
    }
    out
}

fn round_robin(farm: &Vec<Fake>) -> Box<dyn Policy> {
    let mut policy = (algorithm("roundrobin").unwrap().make)(farm.len(), &Options::default());
    policy.rebuild(farm);
    policy
}

#[test]
fn round_robin_of_equals_is_configuration_order() {
    let farm = weights(&[7; 5]);
    assert_eq!(sequence(&mut *round_robin(&farm), &farm, 12), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
}

#[test]
fn round_robin_slow_start() {
    let mut farm = weights(&[10, 10, 10]);
    let mut policy = round_robin(&farm);
    let mut share = Vec::new();
    for step in 0..=16_u32 {
        farm[2].weight = step * 10;
        policy.rebuild(&farm);
        let picks = sequence(&mut *policy, &farm, 90);
        share.push(picks.iter().filter(|&&server| server == 2).count());
        let equals = [0, 1].map(|server| picks.iter().filter(|&&picked| picked == server).count());
        assert!(equals[0].abs_diff(equals[1]) <= 2, "{equals:?}");
    }
    assert_eq!((share[0], share[16]), (0, 30));
    assert!(share.windows(2).all(|pair| pair[1] + 2 >= pair[0]), "{share:?}");
}

fn some_weights() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        prop::collection::vec(1_u32..=5, 1..9),
        prop::collection::vec(0_u32..=40, 1..6)
            .prop_filter("all 0", |weights| weights.iter().any(|&weight| weight > 0)),
        prop::collection::vec(prop_oneof![Just(1_u32), Just(100), Just(256), 1_u32..=256], 1..5),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn round_robin_is_exact(weight in some_weights(), start in 0_usize..500) {
        let farm = weights(&weight);
        let total: u32 = weight.iter().sum();
        let divisor = weight.iter().fold(0, |a, &b| gcd(a, b));
        let window = (total / divisor) as usize;
        let picks = sequence(&mut *round_robin(&farm), &farm, start + 2 * window);
        prop_assert_eq!(&picks, &naive_turns(&weight, picks.len()));
        for (server, &weight) in weight.iter().enumerate() {
            let count = picks[start..start + window].iter().filter(|&&picked| picked == server).count();
            prop_assert_eq!(count as u32, weight / divisor);
            let mut taken = 0_u64;
            for (now, &picked) in picks.iter().enumerate() {
                taken += u64::from(picked == server);
                let off = (taken * u64::from(total)).abs_diff((now as u64 + 1) * u64::from(weight));
                prop_assert!(off < u64::from(total), "a whole turn away from the exact share");
            }
        }
    }

    /// Under any changes of weights, nobody gets far from the sum of its shares.
    #[test]
    fn round_robin_stays_fair_under_changes(steps in prop::collection::vec((prop::collection::vec(1_u32..=4096, 4), 1_usize..40), 1..20)) {
        let mut farm = weights(&[1; 4]);
        let mut policy = round_robin(&farm);
        let (mut fair, mut got) = ([0.0_f64; 4], [0.0_f64; 4]);
        for (weight, picks) in &steps {
            for (server, &weight) in farm.iter_mut().zip(weight) {
                server.weight = weight;
            }
            policy.rebuild(&farm);
            let total: u32 = weight.iter().sum();
            for picked in sequence(&mut *policy, &farm, *picks) {
                got[picked] += 1.0;
            }
            for (fair, &weight) in fair.iter_mut().zip(weight) {
                *fair += *picks as f64 * f64::from(weight) / f64::from(total);
            }
        }
        for (fair, got) in fair.iter().zip(got) {
            prop_assert!((fair - got).abs() < 3.0 + steps.len() as f64 / 4.0, "{fair} {got}");
        }
    }

    /// A turn that meets a full server is lost: the other turns keep their order.
    #[test]
    fn round_robin_passes_full_servers(mut weight in some_weights(), full in any::<prop::sample::Index>()) {
        let full = full.index(weight.len());
        weight.push(3);
        let mut farm = weights(&weight);
        farm[full].max = 0;
        let others: u32 = weight.iter().enumerate().filter(|&(server, _)| server != full).map(|(_, &weight)| weight).sum();
        let mut policy = round_robin(&farm);
        let picks = sequence(&mut *policy, &farm, 8 * others as usize);
        for (server, &weight) in weight.iter().enumerate().filter(|&(server, _)| server != full) {
            let count = picks.iter().filter(|&&picked| picked == server).count() as u32;
            prop_assert!(count.abs_diff(8 * weight) <= 2, "{server}: {count} of {}", 8 * weight);
        }
    }

    /// Taking a server away moves only its keys; the ring gives the nearest place by trying all.
    #[test]
    fn consistent_is_minimally_disruptive(weight in prop::collection::vec(1_u32..=30, 2..8), gone in any::<prop::sample::Index>(), keys in prop::collection::vec(any::<u32>(), 100)) {
        let gone = gone.index(weight.len());
        let mut farm = weights(&weight);
        let mut policy = (algorithm("hash").unwrap().make)(farm.len(), &Options::new(Method::Consistent, None, false));
        policy.rebuild(&farm);
        let before: Vec<_> = keys.iter().map(|&key| policy.pick(&farm, Some(key), None, 0).unwrap()).collect();
        for (&key, &server) in keys.iter().zip(&before) {
            let places = (0..farm.len()).flat_map(|server| (0..weight[server] * 16).map(move |n| (server, n)));
            let nearest = places.map(|(server, n)| {
                let place = hash::avalanche((server as u32 + 1) * 4096 + n);
                (key.wrapping_sub(place).min(place.wrapping_sub(key)), place.wrapping_sub(key) < 1 << 31, server)
            });
            prop_assert_eq!(nearest.min().unwrap().2, server);
        }
        farm[gone].down = true;
        policy.rebuild(&farm);
        for (&key, &server) in keys.iter().zip(&before) {
            let after = policy.pick(&farm, Some(key), None, 0).unwrap();
            prop_assert!(after != gone && (server == gone || after == server));
        }
        farm[gone].down = false;
        policy.rebuild(&farm);
        let again: Vec<_> = keys.iter().map(|&key| policy.pick(&farm, Some(key), None, 0).unwrap()).collect();
        prop_assert_eq!(again, before);
    }

    /// With a balance factor no server is ever loaded beyond its share, rounded up.
    #[test]
    fn bounded_load(weight in prop::collection::vec(1_u32..=9, 1..6), factor in 101_u32..300, keys in prop::collection::vec(0_u32..4, 60)) {
        let mut farm = weights(&weight);
        let options = Options { hash_balance_factor: factor, ..Options::new(Method::Consistent, None, false) };
        let mut policy = (algorithm("hash").unwrap().make)(farm.len(), &options);
        policy.rebuild(&farm);
        let total: u32 = weight.iter().sum();
        for (count, key) in keys.into_iter().enumerate() {
            let picked = policy.pick(&farm, Some(hash::avalanche(key)), None, 0).unwrap();
            farm[picked].load += 1;
            let share = ((count as u32 + 1) * factor).div_ceil(100) * weight[picked];
            prop_assert!(farm[picked].load <= share.div_ceil(total));
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
