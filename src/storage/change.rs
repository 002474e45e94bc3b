//! A change of an HDF5 file in place, and the order in which changes leave it readable at every moment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of the header of a local heap whose names lie elsewhere, in a file with addresses of eight bytes.
const HEAP_HEADER: usize = 32;
/// Where this header says which of its space is free, and the value for none.
const HEAP_FREE: (usize, [u8; 8]) = (16, [1, 0, 0, 0, 0, 0, 0, 0]);

/// The smallest page of the system's file cache.
const PAGE_BYTES: u64 = 4096;

/// Which changes come first. See [`writes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(pub u16);

/// The superblock: it holds the end of the file.
const SUPERBLOCK: Turn = Turn(0);
/// Blocks without a signature, names and texts.
const PLAIN: Turn = Turn(1);
/// The header of a local heap.
const HEAP: Turn = Turn(2);
/// Nodes of B-trees of this level and below.
const TOP_NODE: u16 = 3;
/// Symbol tables of groups.
const SYMBOLS: Turn = Turn(TOP_NODE + 256);
/// All others.
const REST: Turn = Turn(TOP_NODE + 257);

/// Bytes that replace others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub turn: Turn,
    pub start: u64,
    pub old: Vec<u8>,
    /// As many as `old`.
    pub new: Vec<u8>,
}

impl Change {
    /// From `old` to `new`, a whole block at `start`; `None` if they are equal.
    pub fn between(start: u64, mut old: Vec<u8>, new: &[u8]) -> Option<Self> {
        let first = old.iter().zip(new).position(|(old, new)| old != new)?;
        let last = old.iter().zip(new).rposition(|(old, new)| old != new)?;
        let turn = turn(new);
        // The header of a heap is written twice.
        if turn == HEAP {
            return Some(Self { turn, start, old, new: new.to_vec() });
        }
        old.truncate(last + 1);
        Some(Self { turn, start: start + first as u64, old: old.split_off(first), new: new[first..=last].to_vec() })
    }

    /// Whether one write makes the change, within one page of the system's file cache.
    pub fn is_within_a_page(&self) -> bool {
        let last = self.start + self.new.len() as u64 - 1;
        self.turn != HEAP && self.start / PAGE_BYTES == last / PAGE_BYTES
    }

    /// Whether `found` are bytes from before, from after or from within the change.
    pub fn is_between(&self, found: &[u8]) -> bool {
        let (at, none) = HEAP_FREE;
        let marked = |i: usize| self.turn == HEAP && (at..at + none.len()).contains(&i);
        let is_known = |(i, byte): (usize, &u8)| {
            *byte == self.old[i] || *byte == self.new[i] || marked(i) && *byte == none[i - at]
        };
        found.len() == self.new.len() && found.iter().enumerate().all(is_known)
    }
}

/// The turn of a block that begins with these bytes.
fn turn(block: &[u8]) -> Turn {
    match block {
        [0x89, b'H', b'D', b'F', ..] => SUPERBLOCK,
        [b'H', b'E', b'A', b'P', ..] if block.len() == HEAP_HEADER => HEAP,
        [b'T', b'R', b'E', b'E', _, level, ..] => Turn(TOP_NODE + 255 - u16::from(*level)),
        [b'S', b'N', b'O', b'D', ..] => SYMBOLS,
        [b'H', b'E', b'A', b'P', ..] | [b'G', b'C', b'O', b'L', ..] => PLAIN,
        [a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_uppercase()) => REST,
        _ => PLAIN,
    }
}

/// Makes `changes`, in the order of [`writes`].
pub(super) fn apply(file: &File, changes: &mut [Change]) -> io::Result<()> {
    writes(changes).try_for_each(|(start, bytes)| file.write_all_at(bytes, start))
}

/// What is written where for `changes`, in an order that lets HDF5 read at every moment all that it could read before.
///
/// First the end of the file, since nothing beyond it is read. Then names, before the tables that refer to them. Then
/// nodes of B-trees, parents before their children: a node that is split keeps all its entries until its parent knows
/// the new node. The free space of a heap is a chain through its names; while header and names do not fit together the
/// header says that there is none.
pub(super) fn writes(changes: &mut [Change]) -> impl Iterator<Item = (u64, &[u8])> {
    changes.sort_by_key(|change| change.turn);
    let heaps = changes.iter().filter(|change| change.turn == HEAP);
    let closed = heaps.map(|heap| (heap.start + HEAP_FREE.0 as u64, &HEAP_FREE.1[..]));
    closed.chain(changes.iter().map(|change| (change.start, &change.new[..])))
}
