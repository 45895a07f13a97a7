//! Changes to a head between its parse and the head that is sent on: in the index, with new texts behind the old ones in one block.

use super::head::{Field, Head, Kind, Span, authority, is_target};
use super::{Body, Method, is_token};
use crate::util::fmt::Out;

/// A head that may be changed.
pub struct Edit<'a> {
    pub index: &'a mut Head,
    /// The head as it came, then the texts that were written since.
    pub text: &'a mut [u8],
    /// Bytes of `text` in use.
    pub used: usize,
    /// What was changed since somebody last asked.
    pub changed: Changed,
}

/// Parts of a head that were changed.
#[derive(Clone, Copy, Default, Debug)]
pub struct Changed {
    pub line: bool,
    pub fields: bool,
}

/// Nothing was changed: there was no room for the text or for another field, or the message would not have been a valid one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused;

impl<'a> Edit<'a> {
    /// A head of which nothing was changed since it was last looked at.
    pub fn new(index: &'a mut Head, text: &'a mut [u8], used: usize) -> Edit<'a> {
        Edit { index, text, used, changed: Changed::default() }
    }

    fn keep(&mut self, parts: &[&[u8]]) -> Result<Span, Refused> {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        if len > self.room() {
            return Err(Refused);
        }
        let span = Span { at: self.used as u16, len: len as u16 };
        for part in parts {
            self.text[self.used..self.used + part.len()].copy_from_slice(part);
            self.used += part.len();
        }
        Ok(span)
    }

    /// Adds a field at the end. Fields that say how the message is framed or what becomes of the connection are ours to write: they are
    /// left out.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        if is_ours(name) {
            return Ok(());
        }
        if self.index.fields.len() >= self.index.limit {
            return Err(Refused);
        }
        // As a line, so that it is sent with those around it.
        let line = self.keep(&[name, b": ", value, b"\r\n"])?;
        clean(&mut self.text[usize::from(line.at) + name.len() + 2..][..value.len()]);
        self.push_line(line, name.len() as u16);
        Ok(())
    }

    /// A line of the text is a field now: a name of this length, a colon, a space, the value, CRLF.
    fn push_line(&mut self, line: Span, name: u16) {
        let value = Span { at: line.at + name + 2, len: line.len - name - 4 };
        self.index.fields.push(Field { name: Span { at: line.at, len: name }, value, kind: Kind::Plain });
        self.changed.fields = true;
    }

    /// Removes all fields that `matches` wants removed by their names.
    pub fn remove(&mut self, mut matches: impl FnMut(&[u8]) -> bool) {
        let text = &*self.text;
        self.changed.fields = true;
        self.index.fields.retain(|f| f.kind != Kind::Plain && f.kind != Kind::Upgrade || !matches(f.name.of(text)));
    }

    /// The room for further texts.
    pub fn room(&self) -> usize {
        self.text.len().min(usize::from(u16::MAX)) - self.used
    }

    /// Adds a field whose line was written, whole and valid, into the room. `others`: whether those of its name stay.
    pub fn add_line(&mut self, name: &[u8], len: usize, others: bool) -> Result<(), Refused> {
        if !others {
            self.remove(|n| n.eq_ignore_ascii_case(name));
        }
        if self.index.fields.len() >= self.index.limit {
            return Err(Refused);
        }
        self.push_line(Span { at: self.used as u16, len: len as u16 }, name.len() as u16);
        self.used += len;
        Ok(())
    }

    /// Number of fields, removed ones not counted.
    pub fn count(&self) -> usize {
        self.index.fields.len()
    }

    /// The value of the `n`-th field when it has this name and may be changed.
    pub fn value(&self, n: usize, name: &[u8]) -> Option<&[u8]> {
        let f = self.index.fields[n];
        (f.kind == Kind::Plain && f.name.of(self.text).eq_ignore_ascii_case(name)).then(|| f.value.of(self.text))
    }

    /// Gives the `n`-th field another value.
    pub fn replace(&mut self, n: usize, value: &[u8]) -> Result<(), Refused> {
        let span = self.keep(&[value])?;
        clean(&mut self.text[usize::from(span.at)..][..usize::from(span.len)]);
        self.index.fields[n].value = span;
        self.changed.fields = true;
        Ok(())
    }

    /// Another method, a token. HEAD and CONNECT can neither come nor go: the client knows by its own method whether the response has a
    /// body.
    pub fn set_method(&mut self, method: &[u8]) -> Result<(), Refused> {
        if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
            return Err(Refused);
        }
        let (old, new) = (self.index.method, Method::named(method));
        let framed = |m| matches!(m, Method::Head | Method::Connect);
        let starred = old == Method::Options && !is_target(new, self.index.uri.of(self.text));
        if old != new && (framed(old) || framed(new) || starred) {
            return Err(Refused);
        }
        self.index.method_name = self.keep(&[method])?;
        self.index.method = new;
        self.changed.line = true;
        Ok(())
    }

    /// Another target, made of these parts, if it is a valid one.
    pub fn set_uri(&mut self, parts: &[&[u8]]) -> Result<(), Refused> {
        let span = self.keep(parts)?;
        let uri = span.of(self.text);
        let same = uri == self.index.uri.of(self.text);
        let fits = same || is_target(self.index.method, uri);
        if !fits || !uri.iter().all(u8::is_ascii_graphic) {
            return Err(Refused);
        }
        self.index.uri = span;
        self.changed = Changed { line: true, fields: true };
        self.follow_authority();
        Ok(())
    }

    /// Another status, and its reason. A body cannot go away with it (204 and 304 have none); where there was none before, it is empty.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) -> Result<(), Refused> {
        self.changed = Changed { line: true, fields: true };
        let bodiless = |status| matches!(status, 204 | 304);
        if bodiless(status) && self.index.body != Body::None {
            return Err(Refused);
        }
        if bodiless(self.index.status) && !bodiless(status) {
            self.remove_framing();
            if self.index.fields.len() >= self.index.limit {
                return Err(Refused);
            }
            let (name, value) = (self.keep(&[b"Content-Length"])?, self.keep(&[b"0"])?);
            self.index.fields.push(Field { name, value, kind: Kind::ContentLength });
            self.index.content_length = Some(0);
        }
        if status == 204 {
            self.remove_framing();
        }
        let reason = self.keep(&[reason])?;
        clean(&mut self.text[usize::from(reason.at)..][..usize::from(reason.len)]);
        (self.index.status, self.index.reason) = (status, reason);
        Ok(())
    }

    /// Writes the first line as it is now.
    pub fn write_first_line(&self, response: bool, out: &mut Out) {
        super::write::first_line(out, self.index, self.text, response);
    }

    /// Takes a first line apart and sets its parts; the version stays.
    pub fn set_first_line(&mut self, response: bool, line: &[u8]) -> Result<(), Refused> {
        let space = |from: &[u8]| from.iter().position(|b| *b == b' ').ok_or(Refused);
        let (first, rest) = line.split_at(space(line)?);
        let rest = &rest[1..];
        if response {
            let (status, reason) = rest.split_at(rest.iter().position(|b| *b == b' ').unwrap_or(rest.len()));
            let status = std::str::from_utf8(status).ok().and_then(|s| s.parse().ok()).ok_or(Refused)?;
            if !first.starts_with(b"HTTP/") || !(200..=599).contains(&status) {
                return Err(Refused);
            }
            return self.set_status(status, reason.strip_prefix(b" ").unwrap_or(reason));
        }
        let uri = &rest[..rest.windows(6).rposition(|w| w == b" HTTP/").ok_or(Refused)?];
        self.set_method(first)?;
        self.set_uri(&[uri])
    }

    /// Writes the `n`-th field as a line.
    pub fn write_line(&self, n: usize, out: &mut Out) {
        let f = &self.index.fields[n];
        out.put(f.name.of(self.text));
        out.put(b": ");
        out.put(f.value.of(self.text));
    }

    /// True when the `n`-th field may be changed or removed.
    pub fn is_free(&self, n: usize) -> bool {
        matches!(self.index.fields[n].kind, Kind::Plain | Kind::Upgrade)
    }

    /// Removes the `n`-th field.
    pub fn remove_line(&mut self, n: usize) {
        self.index.fields.remove(n);
        self.changed.fields = true;
    }

    /// Sets the `n`-th field to a line with a name and a value.
    pub fn set_line(&mut self, n: usize, line: &[u8]) -> Result<(), Refused> {
        let (name, value) = line_parts(line).ok_or(Refused)?;
        if is_ours(name) {
            return Err(Refused);
        }
        let name = self.keep(&[name])?;
        self.replace(n, value)?;
        self.index.fields[n].name = name;
        Ok(())
    }

    /// `Host` says what the target does, when that is a whole URI (RFC 9112 section 3.2.2).
    fn follow_authority(&mut self) {
        let Some(host) = authority(self.index.uri.of(self.text)) else { return };
        let value = Span::new(self.text, host);
        let (text, fields) = (&*self.text, &mut self.index.fields);
        for f in fields.iter_mut().filter(|f| f.name.of(text).eq_ignore_ascii_case(b"host")) {
            f.value = value;
        }
    }

    /// The message says no more how long its body is.
    fn remove_framing(&mut self) {
        self.index.fields.retain(|f| !matches!(f.kind, Kind::ContentLength | Kind::TransferEncoding));
        (self.index.content_length, self.index.chunked) = (None, false);
    }

    /// The target's parts: what stands before the path, the path, and the query with its question mark.
    pub fn target(&self) -> (&[u8], &[u8], &[u8]) {
        let (uri, tail) = (self.index.uri.of(self.text), self.index.path_and_query(self.text));
        let (before, _) = uri.split_at(uri.len() - tail.len());
        let (path, query) = tail.split_at(tail.iter().position(|b| *b == b'?').unwrap_or(tail.len()));
        (before, path, query)
    }
}

/// Name and value of a line of a head.
pub fn line_parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let name = &line[..colon];
    (!name.is_empty() && name.iter().all(|b| is_token(*b))).then(|| (name, super::trim(&line[colon + 1..])))
}

/// Framing and the connection are written anew from what was parsed.
pub fn is_ours(name: &[u8]) -> bool {
    const OURS: [&[u8]; 5] =
        [b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"transfer-encoding"];
    OURS.iter().any(|o| name.eq_ignore_ascii_case(o))
}

/// Nothing may end a field but its end.
fn clean(value: &mut [u8]) {
    for b in value {
        if matches!(*b, b'\r' | b'\n' | 0) {
            *b = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Keep, write_request};
    use super::*;

    #[test]
    fn targets_stay_what_their_methods_have() {
        for (head, uri, method) in
            [("CONNECT a:1", &b"/"[..], &b"CONNECT"[..]), ("OPTIONS *", b"x", b"GET"), ("GET /", b"*", b"CONNECT")]
        {
            let head = format!("{head} HTTP/1.1\r\nHost: a:1\r\n\r\n");
            let mut index = Head::new(5);
            index.parse_request(head.as_bytes(), false).unwrap();
            let mut text = [0; 256];
            text[..head.len()].copy_from_slice(head.as_bytes());
            let mut e = Edit::new(&mut index, &mut text, head.len());
            assert_eq!(e.set_uri(&[uri]), Err(Refused), "{head}");
            let same = head.as_bytes().starts_with(method);
            assert_eq!(e.set_method(method).is_ok(), same, "{head}");
        }
    }

    #[test]
    fn what_is_changed_is_what_is_sent() {
        let head = b"GET http://h/a?b HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nContent-Length: 0\r\n\r\n";
        let mut index = Head::new(5);
        index.parse_request(head, false).unwrap();
        let mut text = [0; 256];
        text[..head.len()].copy_from_slice(head);
        let mut e = Edit::new(&mut index, &mut text, head.len());
        assert_eq!(e.target(), (&b"http://h"[..], &b"/a"[..], &b"?b"[..]));
        e.remove(|n| n.eq_ignore_ascii_case(b"x-one"));
        e.add(b"X-ONE", b"3\r\nEvil: 1").unwrap();
        e.add(b"Content-Length", b"5").unwrap();
        e.add(b"X-Two", b"2").unwrap();
        e.add(b"X-Three", b"3").unwrap();
        e.remove(|n| n.eq_ignore_ascii_case(b"x-two") || n.eq_ignore_ascii_case(b"content-length"));
        e.set_method(b"POST").unwrap();
        e.set_uri(&[b"/new", b"?q"]).unwrap();
        assert_eq!(
            (e.set_uri(&[b"/a b"]), e.set_method(b"A B"), e.set_uri(&[])),
            (Err(Refused), Err(Refused), Err(Refused))
        );
        let n = (0..e.count()).find(|n| e.value(*n, b"x-three").is_some()).unwrap();
        e.replace(n, b"4").unwrap();
        e.add(b"X-Five", b"5").unwrap();
        assert_eq!(e.add(b"X-Six", b"6"), Err(Refused));
        let mut space = [0; 512];
        let mut out = Out::new(&mut space);
        write_request(&mut out, &index, &text, Keep::Alive, &[]);
        let sent = "POST /new?q HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nX-ONE: 3  Evil: 1\r\nX-Three: 4\r\nX-Five: 5\r\n\r\n";
        assert_eq!(std::str::from_utf8(out.bytes()).unwrap(), sent);
    }
}
