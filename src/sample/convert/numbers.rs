//! Converters of numbers and truth values.

use super::{Arg, Converter, Scene, Tools, converter};
use super::{INT, given, int, number, truth};
use crate::pattern::{Kind, Value};

const INT_BOOL: (Kind, Kind) = (Kind::Int, Kind::Bool);
const VALUE: &str = "value:number";

/// Calculates with the operand: a number, or what is in a variable; there is no value without it.
fn with<'a>(
    value: Value,
    args: &[Arg],
    (scene, t): (&Scene<'a>, &mut Tools<'a, '_>),
    calculate: fn(i64, i64) -> i64,
) -> Option<Value<'a>> {
    let operand = match &args[0] {
        note @ Arg::Note(_) => given(note, scene, t)?.int()?,
        constant => constant.int_or(0),
    };
    number(calculate(int(value), operand))
}

/// By 0 it is the largest number.
fn divided(n: i64, by: i64) -> i64 {
    if by == 0 { i64::MAX } else { n.checked_div(by).unwrap_or(i64::MAX) }
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("add", VALUE, INT, "1.6", "Plus a number.", |v, a, s, t| with(v, a, (s, t), i64::saturating_add)),
    converter("and", VALUE, INT, "1.6", "Bit by bit and.", |v, a, s, t| with(v, a, (s, t), |n, m| n & m)),
    converter("bool", "", INT_BOOL, "1.6", "Other than 0.", |v, _, _, _| truth(int(v) != 0)),
    converter("cpl", "", INT, "1.6", "All bits turned.", |v, _, _, _| number(!int(v))),
    converter("div", VALUE, INT, "1.6", "Divided by a number; by 0 it is the largest one.", |v, a, s, t| {
        with(v, a, (s, t), divided)
    }),
    converter("even", "", INT_BOOL, "1.6", "It is even.", |v, _, _, _| truth(int(v) & 1 == 0)),
    converter("iif", "true:text,false:text", (Kind::Bool, Kind::Str), "2.3", "One text or another.", |v, a, _, t| {
        super::written(t, |o| o.put(a[usize::from(!v.truth())].text())).map(Value::Str)
    }),
    converter("mod", VALUE, INT, "1.6", "The rest of a division.", |v, a, s, t| {
        with(v, a, (s, t), |n, m| n.checked_rem(m).unwrap_or(0))
    }),
    converter("mul", VALUE, INT, "1.6", "Times a number.", |v, a, s, t| with(v, a, (s, t), i64::saturating_mul)),
    converter("neg", "", INT, "1.6", "With the other sign.", |v, _, _, _| number(int(v).saturating_neg())),
    converter("not", "", INT_BOOL, "1.6", "It is 0.", |v, _, _, _| truth(int(v) == 0)),
    converter("odd", "", INT_BOOL, "1.6", "It is odd.", |v, _, _, _| truth(int(v) & 1 == 1)),
    converter("or", VALUE, INT, "1.6", "Bit by bit or.", |v, a, s, t| with(v, a, (s, t), |n, m| n | m)),
    converter("sub", VALUE, INT, "1.6", "Less a number.", |v, a, s, t| with(v, a, (s, t), i64::saturating_sub)),
    converter("xor", VALUE, INT, "1.6", "Bit by bit either.", |v, a, s, t| with(v, a, (s, t), |n, m| n ^ m)),
];
