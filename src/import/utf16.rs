//! Text in UTF-16, as PowerShell writes it, read as UTF-8.

use std::io::{self, BufRead, Read};

/// Units decoded at once.
const PIECE: usize = 1 << 15;

/// Reads UTF-8 out of UTF-16 behind its mark. Halves of pairs that stand alone become U+FFFD.
pub(super) struct Utf16<'r> {
    reader: &'r mut dyn BufRead,
    is_big_endian: bool,
    /// The first half of a pair whose second half is still to come.
    half: Option<u16>,
    ready: Vec<u8>,
    taken: usize,
}

impl<'r> Utf16<'r> {
    /// `begin` is the mark: `FF FE` or `FE FF`; it is read over.
    pub(super) fn behind(begin: [u8; 2], reader: &'r mut dyn BufRead) -> io::Result<Self> {
        reader.read_exact(&mut [0; 2])?;
        Ok(Self {
            reader,
            is_big_endian: begin == [0xfe, 0xff],
            half: None,
            ready: Vec::new(),
            taken: 0,
        })
    }

    fn decode_more(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        (&mut *self.reader)
            .take(2 * PIECE as u64)
            .read_to_end(&mut bytes)?;
        let is_end = bytes.len() < 2 * PIECE;
        let unit = |pair: &[u8]| match *pair {
            [first, second] if self.is_big_endian => u16::from_be_bytes([first, second]),
            [first, second] => u16::from_le_bytes([first, second]),
            // An odd byte at the end is half a unit.
            _ => 0xfffd,
        };
        let mut units: Vec<u16> = self.half.take().into_iter().collect();
        units.extend(bytes.chunks(2).map(unit));
        if let Some(&last) = units.last()
            && (0xd800..0xdc00).contains(&last)
            && !is_end
        {
            self.half = units.pop();
        }
        let text: String = char::decode_utf16(units)
            .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.ready = text.into_bytes();
        self.taken = 0;
        Ok(())
    }
}

impl Read for Utf16<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.decode_more()?;
        }
        let count = buffer.len().min(self.ready.len() - self.taken);
        buffer[..count].copy_from_slice(&self.ready[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_same_in_either_order_of_bytes() {
        // Pairs on both sides of where a piece ends.
        let text = "é".to_owned() + &"😀".repeat(PIECE);
        for big in [false, true] {
            let bytes: Vec<u8> = std::iter::once(0xfeff)
                .chain(text.encode_utf16())
                .flat_map(|unit: u16| {
                    if big {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            let mut reader = bytes.as_slice();
            let mut decoded = String::new();
            Utf16::behind([bytes[0], bytes[1]], &mut reader)
                .and_then(|mut reader| reader.read_to_string(&mut decoded))
                .expect("text");
            assert_eq!(decoded, text);
        }
    }
}
