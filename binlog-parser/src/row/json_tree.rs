//! A JSON document that is edited. Only the containers on the way to a change are taken apart;
//! everything else stays the slice that it is, and is copied when the document is put together.

use std::borrow::Cow;

use super::json::Json;
use super::json_container::{Container, is_inline, jsonb, value_bytes};
use super::json_path::Leg;
use crate::error::Fault;
use crate::limits;

/// A value of a document.
#[derive(Debug, Clone)]
enum Node<'a> {
    /// As it stands in its document.
    Plain {
        kind: u8,
        data: &'a [u8],
    },
    /// Sorted by the length of the key, then by its bytes.
    Object(Vec<(Cow<'a, [u8]>, Node<'a>)>),
    Array(Vec<Node<'a>>),
}

/// A document under change.
#[derive(Debug)]
pub(super) struct Document<'a> {
    root: Node<'a>,
    /// Entries that may still be taken apart or moved.
    steps: u64,
    /// Bytes of all that went into the document.
    bytes: usize,
}

/// Whether a change found its place.
pub(super) type Found = bool;

impl<'a> Document<'a> {
    /// Begins with `json`.
    pub(super) fn new(json: Json<'a>) -> Result<Self, Fault> {
        let bytes = json.bytes.len();
        Ok(Document { root: Node::new(json)?, steps: limits::JSON_EDIT_STEPS, bytes })
    }

    /// Puts `value` in the place of what is at `path`.
    pub(super) fn replace(&mut self, path: &[Leg<'a>], value: Json<'a>) -> Result<Found, Fault> {
        let value = self.bring(value)?;
        match seek(&mut self.root, path, &mut self.steps)? {
            Some(node) => *node = value,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Puts `value` at `path`, where an object has no such member yet, and elements of an array
    /// move on.
    pub(super) fn insert(&mut self, path: &[Leg<'a>], value: Json<'a>) -> Result<Found, Fault> {
        let value = self.bring(value)?;
        let Some((last, parents)) = path.split_last() else { return Ok(false) };
        let Some(parent) = seek(&mut self.root, parents, &mut self.steps)? else {
            return Ok(false);
        };
        parent.open(&mut self.steps)?;
        match (parent, last) {
            (Node::Object(members), Leg::Member(key)) => {
                let Err(at) = find(members, key) else { return Ok(false) };
                spend(&mut self.steps, members.len() - at)?;
                members.insert(at, (key.clone(), value));
            }
            (Node::Array(elements), cell) => {
                let Some(at) = cell.place(elements.len()) else { return Ok(false) };
                spend(&mut self.steps, elements.len() - at)?;
                elements.insert(at, value);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes out what is at `path`.
    pub(super) fn remove(&mut self, path: &[Leg<'a>]) -> Result<Found, Fault> {
        let Some((last, parents)) = path.split_last() else { return Ok(false) };
        let Some(parent) = seek(&mut self.root, parents, &mut self.steps)? else {
            return Ok(false);
        };
        parent.open(&mut self.steps)?;
        match (parent, last) {
            (Node::Object(members), Leg::Member(key)) => {
                let Ok(at) = find(members, key) else { return Ok(false) };
                spend(&mut self.steps, members.len() - at)?;
                members.remove(at);
            }
            (Node::Array(elements), cell) => {
                let Some(at) = cell.element(elements.len()) else { return Ok(false) };
                spend(&mut self.steps, elements.len() - at)?;
                elements.remove(at);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The document in its binary form.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Fault> {
        let limit = limits::JSON_GROWTH.saturating_mul(self.bytes).saturating_add(64);
        let (kind, data) = encode(&self.root, limit)?;
        let mut bytes = Vec::with_capacity(data.len() + 1);
        bytes.push(kind);
        bytes.extend_from_slice(&data);
        Ok(bytes)
    }

    fn bring(&mut self, value: Json<'a>) -> Result<Node<'a>, Fault> {
        self.bytes = self.bytes.saturating_add(value.bytes.len());
        Node::new(value)
    }
}

impl<'a> Node<'a> {
    fn new(json: Json<'a>) -> Result<Self, Fault> {
        Ok(match json.bytes.split_first() {
            None => Node::Plain { kind: jsonb::LITERAL, data: &[0] },
            Some((kind, data)) => Node::Plain { kind: *kind, data: value_bytes(*kind, data)? },
        })
    }

    /// Takes the outermost container apart, if it is one.
    fn open(&mut self, steps: &mut u64) -> Result<(), Fault> {
        let Node::Plain { kind, data } = *self else { return Ok(()) };
        let large = matches!(kind, jsonb::LARGE_OBJECT | jsonb::LARGE_ARRAY);
        match kind {
            jsonb::SMALL_OBJECT | jsonb::LARGE_OBJECT => {
                let mut container = Container::read(data, large, true)?;
                spend(steps, container.count)?;
                let mut members: Vec<(Cow<'a, [u8]>, Node<'a>)> = Vec::new();
                for _ in 0..container.count {
                    let key = container.key()?;
                    if members.last().is_some_and(|(last, _)| order(last, key).is_ge()) {
                        return Err(Fault::value("JSON object", "its keys in order", "disorder"));
                    }
                    let (kind, data) = container.value()?;
                    members.push((key.into(), Node::Plain { kind, data }));
                }
                *self = Node::Object(members);
            }
            jsonb::SMALL_ARRAY | jsonb::LARGE_ARRAY => {
                let mut container = Container::read(data, large, false)?;
                spend(steps, container.count)?;
                let mut elements = Vec::new();
                for _ in 0..container.count {
                    let (kind, data) = container.value()?;
                    elements.push(Node::Plain { kind, data });
                }
                *self = Node::Array(elements);
            }
            _ => {}
        }
        Ok(())
    }
}

fn seek<'t, 'a>(
    root: &'t mut Node<'a>,
    path: &[Leg<'a>],
    steps: &mut u64,
) -> Result<Option<&'t mut Node<'a>>, Fault> {
    let mut node = root;
    for leg in path {
        node.open(steps)?;
        let next = match (node, leg) {
            (Node::Object(members), Leg::Member(key)) => match find(members, key) {
                Ok(at) => members.get_mut(at).map(|(_, value)| value),
                Err(_) => None,
            },
            (Node::Array(elements), cell) => {
                cell.element(elements.len()).and_then(|at| elements.get_mut(at))
            }
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

fn spend(steps: &mut u64, entries: usize) -> Result<(), Fault> {
    match steps.checked_sub(entries as u64) {
        Some(left) => {
            *steps = left;
            Ok(())
        }
        None => {
            let limit = limits::JSON_EDIT_STEPS;
            Err(Fault::limit("entries moved by JSON differences", limit, limit + 1))
        }
    }
}

fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn find(members: &[(Cow<'_, [u8]>, Node<'_>)], key: &[u8]) -> Result<usize, usize> {
    members.binary_search_by(|(member, _)| order(member, key))
}

/// Type and bytes of a value. As deep as the paths of the differences go, which has a limit.
fn encode<'t>(node: &'t Node<'_>, limit: usize) -> Result<(u8, Cow<'t, [u8]>), Fault> {
    match node {
        Node::Plain { kind, data } => Ok((*kind, Cow::Borrowed(value_bytes(*kind, data)?))),
        Node::Object(members) => {
            let keys: Vec<&[u8]> = members.iter().map(|(key, _)| &**key).collect();
            container(Some(&keys), members.iter().map(|(_, value)| value), limit)
        }
        Node::Array(elements) => container(None, elements.iter(), limit),
    }
}

/// An object or array, small if it can be (`json_binary.cc`, `serialize_json_object`).
fn container<'t, 'a: 't>(
    keys: Option<&[&[u8]]>,
    nodes: impl Iterator<Item = &'t Node<'a>>,
    limit: usize,
) -> Result<(u8, Cow<'t, [u8]>), Fault> {
    let key_bytes: usize = keys.unwrap_or_default().iter().map(|key| key.len()).sum();
    let mut total = key_bytes;
    let mut values = Vec::new();
    for node in nodes {
        let (kind, data) = encode(node, limit)?;
        total = total.saturating_add(data.len());
        if total > limit {
            return Err(Fault::limit(
                "bytes of a changed JSON document",
                limit as u64,
                total as u64,
            ));
        }
        values.push((kind, data));
    }
    let size = |large: bool| {
        let width = if large { 4 } else { 2 };
        let key_entry = if keys.is_some() { width + 2 } else { 0 };
        let outside = values.iter().filter(|(kind, _)| !is_inline(*kind, large));
        let outside: usize = outside.map(|(_, data)| data.len()).sum();
        2 * width + values.len() * (key_entry + width + 1) + key_bytes + outside
    };
    let small = size(false);
    let large = small > usize::from(u16::MAX);
    let size = if large { size(true) } else { small };
    let kind = match (keys.is_some(), large) {
        (true, false) => jsonb::SMALL_OBJECT,
        (true, true) => jsonb::LARGE_OBJECT,
        (false, false) => jsonb::SMALL_ARRAY,
        (false, true) => jsonb::LARGE_ARRAY,
    };
    let mut writer = Writer { out: Vec::with_capacity(size), large };
    writer.number(values.len())?;
    writer.number(size)?;
    writer.entries(keys, &values, size)?;
    Ok((kind, Cow::Owned(writer.out)))
}

struct Writer {
    out: Vec<u8>,
    large: bool,
}

impl Writer {
    fn number(&mut self, number: usize) -> Result<(), Fault> {
        let number = u32::try_from(number)
            .map_err(|_| Fault::limit("JSON container", u32::MAX.into(), number as u64))?;
        let bytes = number.to_le_bytes();
        self.out.extend_from_slice(if self.large { &bytes } else { &bytes[..2] });
        Ok(())
    }

    /// Everything behind count and size: entries of keys, entries of values, keys, values.
    fn entries(
        &mut self,
        keys: Option<&[&[u8]]>,
        values: &[(u8, Cow<'_, [u8]>)],
        size: usize,
    ) -> Result<(), Fault> {
        let keys = keys.unwrap_or_default();
        let outside = |kind: u8| !is_inline(kind, self.large);
        let outside: usize =
            values.iter().filter(|(kind, _)| outside(*kind)).map(|(_, data)| data.len()).sum();
        let key_bytes: usize = keys.iter().map(|key| key.len()).sum();
        let mut at = size - outside - key_bytes;
        for key in keys {
            self.number(at)?;
            let length = u16::try_from(key.len())
                .map_err(|_| Fault::limit("JSON key", u16::MAX.into(), key.len() as u64))?;
            self.out.extend_from_slice(&length.to_le_bytes());
            at += key.len();
        }
        let width = if self.large { 4 } else { 2 };
        for (kind, data) in values {
            self.out.push(*kind);
            if is_inline(*kind, self.large) {
                let end = self.out.len() + width;
                self.out.extend_from_slice(data);
                // A negative number is read by its own width.
                self.out.resize(end, 0);
            } else {
                self.number(at)?;
                at += data.len();
            }
        }
        keys.iter().for_each(|key| self.out.extend_from_slice(key));
        for (kind, data) in values {
            if !is_inline(*kind, self.large) {
                self.out.extend_from_slice(data);
            }
        }
        Ok(())
    }
}
