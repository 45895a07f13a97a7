//! The traditional crypt(3): 25 times DES over zeros, with the password as key and a salt that swaps bits of the
//! expansion (FIPS 46-3; Morris, Thompson 1979). Eight characters count, of each seven bits. Cheap enough for one step.

use super::{DIGITS as CRYPT_DIGITS, digit_value, same};

pub const DIGITS: usize = 13;

/// The substitution boxes, four rows of sixteen hexadecimal digits each.
const BOXES: [&[u8; 64]; 8] = [
    b"E4D12FB83A6C59070F74E2D1A6CB953841E8D62BFC973A50FC8249175B3EA06D",
    b"F18E6B34972DC05A3D47F28EC01A69B50E7BA4D158C6932FD8A13F42B67C05E9",
    b"A09E63F51DC7B428D709346A285ECBF1D6498F30B12C5AE71AD069874FE3B52C",
    b"7DE3069A1285BC4FD8B56F03472C1AE9A690CB7DF13E52843F06A1D8945BC72E",
    b"2C417AB6853FD0E9EB2C47D150FA3986421BAD78F9C5630EB8C71E2D6F09A453",
    b"C1AF92680D34E75BAF427C9561DE0B389EF528C3704A1DB6432C95FABE17608D",
    b"4B2EF08D3C975A61D0B7491AE35C2F8614BDC37EAF6805926BD814A7950FE23C",
    b"D2846FB1A93E50C71FD8A374C56B0E927B419CE206ADF35821E74A8DFC90356B",
];
/// Where the bits of the boxes' output come from, counted from 1.
const PERMUTATION: [u8; 32] = [
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4,
    25,
];
/// Where the 56 bits of the key come from.
const CHOICE_1: [u8; 56] = [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, //
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
/// Where the 48 bits of the key of a round come from.
const CHOICE_2: [u8; 48] = [
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, //
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
/// How far both halves of the key turn before each round.
const TURNS: [u8; 16] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/// What six bits become in each box, at their places after the permutation.
static SPREAD: [[u32; 64]; 8] = spread();

const fn spread() -> [[u32; 64]; 8] {
    let (mut spread, mut n) = ([[0; 64]; 8], 0);
    while n < 8 * 64 {
        let (at, six) = (n / 64, n % 64);
        let (row, column) = (six >> 4 & 2 | six & 1, six >> 1 & 15);
        let digit = BOXES[at][row * 16 + column];
        let value = if digit > b'9' { digit - b'A' + 10 } else { digit - b'0' } as u32;
        let before = value << (28 - 4 * at);
        let mut to = 0;
        while to < 32 {
            spread[at][six] |= (before >> (32 - PERMUTATION[to]) & 1) << (31 - to);
            to += 1;
        }
        n += 1;
    }
    spread
}

/// Takes bits of a number of `width` bits, counted from 1 at its highest.
fn choose(from: u64, width: u32, choice: &[u8]) -> u64 {
    choice.iter().fold(0, |bits, at| bits << 1 | from >> (width - u32::from(*at)) & 1)
}

/// The keys of the rounds, in two halves of 24 bits.
fn keys(password: &[u8]) -> [(u32, u32); 16] {
    let eight = (0..8).map(|n| password.get(n).copied().unwrap_or(0));
    // A character of zero ends the password.
    let eight = eight.scan(false, |ended, b| {
        *ended |= b == 0;
        Some(if *ended { 0 } else { b << 1 })
    });
    let key = choose(eight.fold(0, |key, b| key << 8 | u64::from(b)), 64, &CHOICE_1);
    let (mut c, mut d) = ((key >> 28) as u32, key as u32 & 0xfff_ffff);
    TURNS.map(|by| {
        let turn = |half: u32| (half << by | half >> (28 - by)) & 0xfff_ffff;
        (c, d) = (turn(c), turn(d));
        let chosen = choose(u64::from(c) << 28 | u64::from(d), 56, &CHOICE_2);
        ((chosen >> 24) as u32, chosen as u32 & 0xff_ffff)
    })
}

/// Encrypts zeros 25 times.
fn encrypt(keys: &[(u32, u32); 16], swap: u32) -> u64 {
    let (mut left, mut right) = (0u32, 0u32);
    for _ in 0..25 {
        for (high, low) in keys {
            // Eight groups of six bits, each with its neighbours' nearest ones.
            let six = |n: u32| right.rotate_right(1).rotate_left(4 * n) >> 26;
            let half = |n| six(n) << 18 | six(n + 1) << 12 | six(n + 2) << 6 | six(n + 3);
            let (a, b) = (half(0), half(4));
            let swapped = (a ^ b) & swap;
            let (a, b) = (a ^ swapped ^ high, b ^ swapped ^ low);
            let mut f = 0;
            for n in 0..4 {
                f |= SPREAD[n][(a >> (18 - 6 * n)) as usize & 63] | SPREAD[n + 4][(b >> (18 - 6 * n)) as usize & 63];
            }
            (left, right) = (right, left ^ f);
        }
        (left, right) = (right, left);
    }
    let both = u64::from(left) << 32 | u64::from(right);
    // The final permutation.
    (0..8).fold(0, |bits, row| {
        let columns = [40, 8, 48, 16, 56, 24, 64, 32].map(|c| c - row);
        bits << 8 | choose(both, 64, &columns)
    })
}

/// Whether a password is right; `stored`: all thirteen digits.
pub fn matches(password: &[u8], stored: &[u8]) -> bool {
    let value = |at: usize| stored.get(at).and_then(|d| digit_value(*d)).unwrap_or(0);
    // The lowest bit of the salt swaps the first bits of the halves.
    let swap = (value(0) | value(1) << 6).reverse_bits() >> 8;
    let bits = u128::from(encrypt(&keys(password), swap)) << 2;
    let mut text = [0; DIGITS - 2];
    for (n, digit) in text.iter_mut().enumerate() {
        *digit = CRYPT_DIGITS[(bits >> (60 - 6 * n)) as usize & 63];
    }
    same(&text, stored.get(2..).unwrap_or(&[]))
}
