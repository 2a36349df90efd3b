//! A frame: what goes between a plugin's process and Phoenix. Its size comes first, as four bytes; then, on the way
//! back, one that tells an answer from a fault.

use std::io::{self, Read, Write};

/// Says that an answer follows.
pub(super) const ANSWER: u8 = 0;
/// Says that the text of a fault of the plugin follows.
pub(super) const FAULT: u8 = 1;
/// Says that the library could not be opened, and why.
pub(super) const NOT_OPEN: u8 = 2;
/// Says that the library does not keep the contract, and why.
pub(super) const NO_TABLE: u8 = 3;

/// How many bytes say how many follow.
pub(super) const HEAD: usize = 4;

/// Returns a frame around some bytes.
pub(super) fn of(parts: &[&[u8]]) -> Vec<u8> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let size = u32::try_from(size).expect("requests and answers are limited to less");
    let mut frame = Vec::with_capacity(HEAD + size as usize);
    frame.extend_from_slice(&size.to_le_bytes());
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame
}

/// Returns how many bytes follow a head, if all of it is there.
pub(super) fn size(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.first_chunk::<HEAD>().copied()?) as usize)
}

/// Reads a frame; none at the end of the stream.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; u32::from_le_bytes(head) as usize];
    from.read_exact(&mut body)?;
    Ok(Some(body))
}

/// Writes a frame.
pub(super) fn write(to: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    to.write_all(&of(parts))?;
    to.flush()
}
