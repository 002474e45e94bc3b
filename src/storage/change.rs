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

/// The superblock: it holds the end of the file. Tables from which names are taken away, too.
const FIRST: Turn = Turn(0);
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
/// The superblock of a file that gets shorter.
const SHORTER: Turn = Turn(TOP_NODE + 258);

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
        let turn = if end_in(new) < end_in(&old) { SHORTER } else { turn(new) };
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

/// The end of the file in a superblock, in a file with addresses of eight bytes; `None` if the block is none.
fn end_in(block: &[u8]) -> Option<u64> {
    let at = match block {
        [0x89, b'H', b'D', b'F', _, _, _, _, 0, ..] => 40,
        [0x89, b'H', b'D', b'F', _, _, _, _, 1, ..] => 44,
        [0x89, b'H', b'D', b'F', ..] => 28,
        _ => return None,
    };
    block.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// The changes from the old to the new bytes of blocks, each with its start.
pub(super) fn between<'a>(blocks: impl Iterator<Item = (u64, Vec<u8>, &'a [u8])>) -> Vec<Change> {
    let (mut changes, mut nodes) = (Vec::new(), Vec::new());
    let (mut shrinks, mut grows) = (false, false);
    for (start, old, new) in blocks {
        if let (Some(before), Some(after)) = (entries(&old), entries(new)) {
            shrinks |= after < before;
            // A root that becomes one of a higher level has fewer entries.
            grows |= after > before || old[5] != new[5];
            nodes.push(changes.len());
        }
        changes.push(Change::between(start, old, new));
    }
    // Names are only taken away: their places are free when no table refers to them any more. A node that is split has fewer
    // entries too, but its parent has more.
    if shrinks && !grows {
        for node in nodes {
            changes[node] = changes[node].take().map(|change: Change| Change { turn: FIRST, ..change });
        }
    }
    changes.into_iter().flatten().collect()
}

/// Entries of a node of a B-tree, or names in a symbol table.
fn entries(block: &[u8]) -> Option<u16> {
    match block {
        [b'T', b'R', b'E', b'E', _, _, a, b, ..] | [b'S', b'N', b'O', b'D', _, _, a, b, ..] => {
            Some(u16::from_le_bytes([*a, *b]))
        }
        _ => None,
    }
}

/// The turn of a block that begins with these bytes.
fn turn(block: &[u8]) -> Turn {
    match block {
        [0x89, b'H', b'D', b'F', ..] => FIRST,
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
/// First the end of the file, since nothing beyond it is read; last if it moves towards the start. Then names, before the tables that refer to them. Then
/// nodes of B-trees, parents before their children: a node that is split keeps all its entries until its parent knows
/// the new node. Where names are taken away, tables come before names. The free space of a heap is a chain through its names; while header and names do not fit together the
/// header says that there is none.
pub(super) fn writes(changes: &mut [Change]) -> impl Iterator<Item = (u64, &[u8])> {
    changes.sort_by_key(|change| change.turn);
    let heaps = changes.iter().filter(|change| change.turn == HEAP);
    let closed = heaps.map(|heap| (heap.start + HEAP_FREE.0 as u64, &HEAP_FREE.1[..]));
    closed.chain(changes.iter().map(|change| (change.start, &change.new[..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where changes of a name, of the symbol table and of the node above it begin, in the order in which they are made.
    fn order(table: [u8; 2], node: [u8; 2]) -> Vec<u64> {
        let [old_table, new_table] = table.map(|count| [b'S', b'N', b'O', b'D', 1, 0, count, 0, count]);
        let [old_node, new_node] = node.map(|count| [b'T', b'R', b'E', b'E', 0, 0, count, 0, count]);
        let blocks = [
            (3, b"name".to_vec(), &b"mane"[..]),
            (20, old_table.to_vec(), &new_table[..]),
            (40, old_node.to_vec(), &new_node[..]),
        ];
        let mut changes = between(blocks.into_iter());
        writes(&mut changes).map(|(start, _)| start / 20).collect()
    }

    #[test]
    fn names_come_before_tables_unless_they_are_taken_away() {
        assert_eq!(order([3, 4], [1, 1]), [0, 1]);
        assert_eq!(order([4, 3], [1, 1]), [1, 0]);
        assert_eq!(order([4, 3], [2, 1]), [1, 2, 0]);
        // A table that is split.
        assert_eq!(order([8, 4], [1, 2]), [0, 2, 1]);
    }

    #[test]
    fn the_end_of_the_file_moves_first_where_it_grows_and_last_where_it_shrinks() {
        for (version, at) in [(0, 40), (1, 44), (2, 28), (3, 28)] {
            let superblock = |end: u8| {
                let mut block = b"\x89HDF\r\n\x1a\n".to_vec();
                block.resize(96, 0);
                (block[8], block[at]) = (version, end);
                block
            };
            for (old, new, first) in [(5, 9, 0), (9, 5, 1000)] {
                let (old, new) = (superblock(old), superblock(new));
                let blocks = [(1000, b"SNOD0".to_vec(), &b"SNOD1"[..]), (0, old, &new[..])];
                let mut changes = between(blocks.into_iter());
                let first_start = writes(&mut changes).next().unwrap().0;
                assert_eq!(first_start / 1000, first / 1000, "version {version}, first {first}");
            }
        }
    }
}
