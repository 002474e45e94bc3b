//! A file of which some bytes read differently.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

/// A file with replaced bytes, and with parts whose bytes have their bits in reverse order.
pub(super) struct Edited {
    file: BufReader<File>,
    position: u64,
    replaced: Vec<(u64, u8)>,
    /// Ranges that do not overlap.
    pub reversed: Vec<Range<u64>>,
}

impl Edited {
    /// The file as it is, from its beginning.
    pub fn new(file: BufReader<File>) -> Self {
        Self { file, position: 0, replaced: Vec::new(), reversed: Vec::new() }
    }

    /// Makes `bytes` stand at `position`.
    pub fn replace(&mut self, position: u64, bytes: &[u8]) {
        self.replaced.extend((position..).zip(bytes.iter().copied()));
    }

    /// Reads `N` bytes at `position`.
    pub fn bytes_at<const N: usize>(&mut self, position: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.seek(SeekFrom::Start(position))?;
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Read for Edited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        let (start, end) = (self.position, self.position + length as u64);
        let within = |range: &Range<u64>| {
            let clamp = |position: u64| (position.clamp(start, end) - start) as usize;
            clamp(range.start)..clamp(range.end)
        };
        for &(position, byte) in self.replaced.iter().filter(|(position, _)| (start..end).contains(position)) {
            buffer[(position - start) as usize] = byte;
        }
        for range in &self.reversed {
            buffer[within(range)].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        self.position = end;
        Ok(length)
    }
}

impl Seek for Edited {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // Short ways keep what is buffered.
        self.position = match to {
            SeekFrom::Start(position) if position.abs_diff(self.position) < 1 << 16 => {
                self.file.seek_relative(position as i64 - self.position as i64)?;
                position
            }
            _ => self.file.seek(to)?,
        };
        Ok(self.position)
    }
}
