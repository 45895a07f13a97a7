//! Slow and plain readings of messages, to compare the program's with.

use evenkeel::http::is_token;

/// How a message's fields frame its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    Nothing,
    Length(u64),
    Chunked,
}

/// Lines of a head that is complete; it has CRLF as the only line end, and no other control bytes than tabs.
pub fn lines(head: &[u8]) -> Result<Vec<&[u8]>, String> {
    let body = head.strip_suffix(b"\r\n\r\n").ok_or("no empty line at the end")?;
    let text = |l: &[u8]| l.escape_ascii().to_string();
    let mut lines = Vec::new();
    for line in body.split(|b| *b == b'\n').enumerate().map(|(n, l)| (n, l.strip_suffix(b"\r").unwrap_or(l))) {
        lines.push(line.1);
    }
    for line in &lines {
        if line.is_empty() || line.iter().any(|b| *b != b'\t' && b.is_ascii_control()) {
            return Err(format!("an empty line, or one with control bytes: {}", text(line)));
        }
    }
    Ok(lines)
}

/// Name and value.
type Field<'a> = (&'a [u8], &'a [u8]);

/// The fields of a head, strictly.
pub fn fields(head: &[u8]) -> Result<Vec<Field<'_>>, String> {
    let mut fields = Vec::new();
    for line in &lines(head)?[1..] {
        let wrong = || format!("no field: {}", line.escape_ascii());
        let colon = line.iter().position(|b| *b == b':').ok_or_else(wrong)?;
        if colon == 0 || !line[..colon].iter().all(|b| is_token(*b)) {
            return Err(wrong());
        }
        fields.push((&line[..colon], line[colon + 1..].trim_ascii()));
    }
    Ok(fields)
}

/// The one reading that the fields of a head allow, or why there are none or several.
pub fn framing(head: &[u8]) -> Result<Framing, String> {
    let fields = fields(head)?;
    let values = |name: &str| -> Vec<&[u8]> {
        fields.iter().filter(|f| f.0.eq_ignore_ascii_case(name.as_bytes())).map(|f| f.1).collect()
    };
    match (&values("content-length")[..], &values("transfer-encoding")[..]) {
        ([], []) => Ok(Framing::Nothing),
        ([n], []) if !n.is_empty() && n.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(n).unwrap().parse().map(Framing::Length).map_err(|e| e.to_string())
        }
        ([], codings) if codings.last().unwrap().to_ascii_lowercase().ends_with(b"chunked") => Ok(Framing::Chunked),
        (lengths, codings) => Err(format!("{} lengths, {} codings", lengths.len(), codings.len())),
    }
}

/// Why a body in chunks was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// More has to come.
    Incomplete,
    Invalid,
}

/// A line up to its CRLF, taken from the front of a text.
fn take_line<'a>(text: &mut &'a [u8]) -> Result<&'a [u8], Unread> {
    let end = text.windows(2).position(|w| w == b"\r\n").ok_or(Unread::Incomplete)?;
    let line = &text[..end];
    *text = &text[end + 2..];
    let valid = line.iter().all(|b| *b == b'\t' || !b.is_ascii_control());
    if valid { Ok(line) } else { Err(Unread::Invalid) }
}

/// A body in chunks: how long it is as sent, and its data.
pub fn unchunk(mut text: &[u8]) -> Result<(usize, Vec<u8>), Unread> {
    let (whole, mut data) = (text.len(), Vec::new());
    loop {
        let line = take_line(&mut text)?;
        let digits = line.iter().position(|b| *b == b';').unwrap_or(line.len());
        let extension = line.len().saturating_sub(digits + 1);
        if !(1..=15).contains(&digits) || !line[..digits].iter().all(u8::is_ascii_hexdigit) || extension > 1024 {
            return Err(Unread::Invalid);
        }
        let size = usize::from_str_radix(std::str::from_utf8(&line[..digits]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        data.extend_from_slice(text.get(..size).ok_or(Unread::Incomplete)?);
        text = &text[size..];
        match take_line(&mut text) {
            Ok([]) => {}
            Err(Unread::Incomplete) if matches!(text, [] | [b'\r']) => return Err(Unread::Incomplete),
            _ => return Err(Unread::Invalid),
        }
    }
    loop {
        let trailer = take_line(&mut text)?;
        if trailer.is_empty() {
            return Ok((whole - text.len(), data));
        }
        let colon = trailer.iter().position(|b| *b == b':').ok_or(Unread::Invalid)?;
        let name = trailer[..colon].to_ascii_lowercase();
        let ours: [&[u8]; 5] = [b"content-length", b"transfer-encoding", b"host", b"connection", b"trailer"];
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) || ours.contains(&&name[..]) {
            return Err(Unread::Invalid);
        }
    }
}
