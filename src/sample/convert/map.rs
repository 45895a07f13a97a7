//! Maps: a value looked up in a file of keys and values (manual 7.3.1, `map`).

use super::{Arg, Converter, Scene, Tools, converter};
use crate::pattern::{Kind, Value};

/// What the file has for a value, or the default.
fn look_up<'a>(value: Value<'a>, args: &[Arg], t: &mut Tools<'a, '_>) -> Option<&'a [u8]> {
    let Arg::List(list) = &args[0] else { return None };
    match (list.value(value, &mut t.scratch, t.regexes), &args[1]) {
        (None, Arg::Str(default)) => t.scratch.copy(default).map(|b| &*b),
        (found, _) => found,
    }
}

fn text<'a>(v: Value<'a>, a: &[Arg], _: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    look_up(v, a, t).map(Value::Str)
}

fn int<'a>(v: Value<'a>, a: &[Arg], _: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    look_up(v, a, t).and_then(|b| Value::Str(b).int()).map(Value::Int)
}

fn ip<'a>(v: Value<'a>, a: &[Arg], _: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    look_up(v, a, t).and_then(|b| Value::Str(b).ip()).map(Value::Ip)
}

/// A row of the table.
macro_rules! map {
    ($name:literal, $method:literal, $input:ident, Str, text) => {
        map!(
            $name,
            concat!("file:list-", $method, "-str,default:str?"),
            $input,
            Str,
            text,
            concat!("The text that a file has for it; keys are compared as `-m ", $method, "` compares patterns.")
        )
    };
    ($name:literal, $method:literal, $input:ident, Int, int) => {
        map!(
            $name,
            concat!("file:list-", $method, "-int,default:str?"),
            $input,
            Int,
            int,
            concat!("The number that a file has for it; keys are compared as `-m ", $method, "` compares patterns.")
        )
    };
    ($name:literal, $method:literal, $input:ident, Ip, ip) => {
        map!(
            $name,
            concat!("file:list-", $method, "-ip,default:str?"),
            $input,
            Ip,
            ip,
            concat!("The address that a file has for it; keys are compared as `-m ", $method, "` compares patterns.")
        )
    };
    ($name:literal, $args:expr, $input:ident, $output:ident, $run:ident, $doc:expr) => {
        converter($name, $args, (Kind::$input, Kind::$output), "1.5", $doc, $run)
    };
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    map!("map", "str", Str, Str, text),
    map!("map_beg", "beg", Str, Str, text),
    map!("map_beg_int", "beg", Str, Int, int),
    map!("map_beg_ip", "beg", Str, Ip, ip),
    map!("map_dir", "dir", Str, Str, text),
    map!("map_dir_int", "dir", Str, Int, int),
    map!("map_dir_ip", "dir", Str, Ip, ip),
    map!("map_dom", "dom", Str, Str, text),
    map!("map_dom_int", "dom", Str, Int, int),
    map!("map_dom_ip", "dom", Str, Ip, ip),
    map!("map_end", "end", Str, Str, text),
    map!("map_end_int", "end", Str, Int, int),
    map!("map_end_ip", "end", Str, Ip, ip),
    map!("map_int", "int", Int, Str, text),
    map!("map_int_int", "int", Int, Int, int),
    map!("map_int_ip", "int", Int, Ip, ip),
    map!("map_ip", "ip", Ip, Str, text),
    map!("map_ip_int", "ip", Ip, Int, int),
    map!("map_ip_ip", "ip", Ip, Ip, ip),
    map!("map_reg", "reg", Str, Str, text),
    map!("map_reg_int", "reg", Str, Int, int),
    map!("map_reg_ip", "reg", Str, Ip, ip),
    map!(
        "map_regm",
        "file:list-regm-str,default:str?",
        Str,
        Str,
        text,
        "The text that a file has for it, groups of the key in the place of `\\1`; keys are compared as `-m reg` compares patterns."
    ),
    map!("map_str", "str", Str, Str, text),
    map!("map_str_int", "str", Str, Int, int),
    map!("map_str_ip", "str", Str, Ip, ip),
    map!("map_sub", "sub", Str, Str, text),
    map!("map_sub_int", "sub", Str, Int, int),
    map!("map_sub_ip", "sub", Str, Ip, ip),
];
