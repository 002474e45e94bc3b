//! TIFF files written byte by byte, as no encoder writes them.

/// The value of a tag.
pub enum Field {
    Short(Vec<u16>),
    Text(String),
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug)]
pub struct Flavour {
    pub big_endian: bool,
    /// BigTIFF: 64-bit offsets.
    pub big_tiff: bool,
}

pub const PLAIN: Flavour = Flavour { big_endian: false, big_tiff: false };

/// One page: its tags and the bytes of its only strip, or one strip for each plane.
pub struct Page {
    pub ny: u16,
    pub nx: u16,
    /// Without sizes and strips, which are added.
    pub tags: Vec<(u16, Field)>,
    pub strips: Vec<Vec<u8>>,
}

impl Page {
    /// A page with the tags `(number, value)`.
    pub fn new(ny: u16, nx: u16, tags: &[(u16, u16)], strips: Vec<Vec<u8>>) -> Self {
        let tags = tags.iter().map(|&(tag, value)| (tag, Field::Short(vec![value]))).collect();
        Self { ny, nx, tags, strips }
    }

    pub fn with(mut self, tag: u16, field: Field) -> Self {
        self.tags.push((tag, field));
        self
    }
}

impl Flavour {
    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        match self.big_endian {
            true => value.to_be_bytes()[8 - bytes..].to_vec(),
            false => value.to_le_bytes()[..bytes].to_vec(),
        }
    }

    /// The bytes of a file with `pages`.
    pub fn file(self, pages: Vec<Page>) -> Vec<u8> {
        let offset = if self.big_tiff { 8 } else { 4 };
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big_tiff { 43 } else { 42 }, 2));
        if self.big_tiff {
            file.extend([self.number(8, 2), self.number(0, 2)].concat());
        }
        // Where the offset of the next directory goes.
        let mut link = file.len();
        file.extend(self.number(0, offset));
        for page in pages {
            let mut entries: Vec<(u16, u64, u64, Vec<u8>)> = Vec::new();
            let long = |values: &[u64]| values.iter().flat_map(|&value| self.number(value, 4)).collect::<Vec<u8>>();
            let mut add_long = |tag, values: &[u64]| entries.push((tag, 4, values.len() as u64, long(values)));
            add_long(256, &[page.nx.into()]);
            add_long(257, &[page.ny.into()]);
            add_long(278, &[page.ny.into()]);
            let mut offsets = Vec::new();
            for strip in &page.strips {
                offsets.push(file.len() as u64);
                file.extend(strip);
            }
            add_long(273, &offsets);
            add_long(279, &page.strips.iter().map(|strip| strip.len() as u64).collect::<Vec<_>>());
            for (tag, field) in page.tags {
                entries.push(match field {
                    Field::Short(values) => {
                        let bytes = values.iter().flat_map(|&value| self.number(value.into(), 2)).collect();
                        (tag, 3, values.len() as u64, bytes)
                    }
                    Field::Text(text) => (tag, 2, text.len() as u64 + 1, [text.as_bytes(), b"\0"].concat()),
                });
            }
            entries.sort();
            let mut directory = self.number(entries.len() as u64, if self.big_tiff { 8 } else { 2 });
            for (tag, kind, count, mut bytes) in entries {
                if bytes.len() > offset {
                    let place = file.len() as u64;
                    file.extend(bytes);
                    bytes = self.number(place, offset);
                }
                bytes.resize(offset, 0);
                directory.extend(
                    [self.number(tag.into(), 2), self.number(kind, 2), self.number(count, offset), bytes].concat(),
                );
            }
            let place = self.number(file.len() as u64, offset);
            file[link..link + offset].copy_from_slice(&place);
            file.extend(directory);
            link = file.len();
            file.extend(self.number(0, offset));
        }
        file
    }
}

/// A zlib stream of one stored block.
pub fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes().into_iter().chain((!length).to_le_bytes()));
    stream.extend(bytes);
    let (a, b) = bytes.iter().fold((1u32, 0u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (a + b) % 65521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// PackBits of at most 128 bytes, as they are.
pub fn packbits_stored(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(128).flat_map(|part| [&[part.len() as u8 - 1], part].concat()).collect()
}
