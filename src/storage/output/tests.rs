//! Who may write a file, and over what.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::*;
use crate::storage::Container;
use crate::storage::kind::{PICTURE_MARK, REPORT_MARK};
use crate::storage::testing::TestDirectory;

const KINDS: [Kind; 7] = [
    Kind::Model,
    Kind::Hdf5,
    Kind::Report,
    Kind::Picture,
    Kind::Export(Export::Vti),
    Kind::Export(Export::Npy),
    Kind::Export(Export::Dream3d),
];

/// A file of each kind.
fn write(kind: Kind, path: &Path) {
    match kind {
        Kind::Model => Container::default().write(path).unwrap(),
        Kind::Hdf5 => hdf5::File::create(path).unwrap().close().unwrap(),
        Kind::Report => fs::write(path, format!("<!DOCTYPE html><html><head>{REPORT_MARK}")).unwrap(),
        Kind::Picture => fs::write(path, [b"\x89PNG\r\n\x1a\n", PICTURE_MARK.as_bytes()].concat()).unwrap(),
        Kind::Export(export) => fs::write(path, export.mark()).unwrap(),
    }
}

fn put(output: &mut Output, content: &str) -> Result<()> {
    output.replace(|path| fs::write(path, content).map_err(|e| Error::system(path, "write", &e)))
}

#[track_caller]
fn refused(result: Result<impl Sized>, words: &str) {
    let error = result.err().expect(words);
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(words), "{error}");
}

#[test]
fn only_a_file_of_the_same_kind_is_written_over() {
    let directory = TestDirectory::new("output-kinds");
    let path = directory.path("file");
    for kind in KINDS {
        for there in KINDS {
            write(there, &path);
            let before = fs::read(&path).unwrap();
            match Output::claim(&path, kind) {
                Ok(_) => assert_eq!(kind, there),
                Err(error) => assert!(kind != there && matches!(error, Error::Format { .. }), "{error}"),
            }
            assert!(fs::read(&path).unwrap() == before);
        }
        for foreign in ["a text", "\u{fffd}PNG", "<!DOCTYPE html><title>mine</title>", "davegan", "\u{0}"] {
            fs::write(&path, foreign).unwrap();
            let error = Output::claim(&path, kind).unwrap_err();
            assert!(matches!(error, Error::Format { .. }) && error.to_string().contains("choose another path"));
        }
        fs::write(&path, "").unwrap();
        Output::claim(&path, kind).unwrap();
        fs::remove_file(&path).unwrap();
        Output::claim(&path, kind).unwrap();
        assert_eq!(directory.names(), [] as [&str; 0]);
    }
    // A user block puts the signature of HDF5 behind other bytes.
    fs::write(&path, [vec![b' '; 1024], b"\x89HDF\r\n\x1a\n".to_vec()].concat()).unwrap();
    Output::claim(&path, Kind::Hdf5).unwrap();
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let directory = TestDirectory::new("output-pipes");
    let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| directory.path(name));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = UnixListener::bind(&socket).unwrap();
    symlink(&pipe, &link).unwrap();
    for kind in KINDS {
        for path in [&pipe, &socket, &link, Path::new("/dev/null"), Path::new("/dev/full")] {
            refused(Output::claim(path, kind), "is a device, a pipe or a socket");
        }
        refused(Output::claim(&directory.path(""), kind), "is a directory");
        refused(Output::claim(&directory.path("none/file"), kind), "none/file: cannot open its directory");
    }
    refused(open_regular(&pipe, "read"), "is a device, a pipe or a socket");
}

#[test]
fn a_file_is_claimed_under_all_its_names_until_the_claim_ends() {
    let directory = TestDirectory::new("output-claims");
    let [path, link, hard, dangling] = ["file", "link", "hard", "dangling"].map(|name| directory.path(name));
    symlink("file", &link).unwrap();
    let claim = |path: &Path| Output::claim(path, Kind::Hdf5);
    let mut output = claim(&path).unwrap();
    symlink(".", directory.path("here")).unwrap();
    for name in [&path, &link, &directory.path("./file"), &directory.path("here/file")] {
        refused(claim(name), "another call of this process is writing the file");
    }
    let create = |path: &Path| {
        write(Kind::Hdf5, path);
        Ok(())
    };
    output.replace(create).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    symlink(&hard, &dangling).unwrap();
    for name in [&path, &link, &hard, &dangling] {
        refused(claim(name), "another call of this process is writing the file");
    }
    claim(&directory.path("other")).unwrap();
    drop(output);
    let linked = claim(&dangling).unwrap();
    refused(claim(&path), "another call");
    drop(linked);
    claim(&path).unwrap();
}

#[test]
fn a_link_to_no_file_is_written_through() {
    let directory = TestDirectory::new("output-links");
    let [path, link] = ["file", "link"].map(|name| directory.path(name));
    symlink("link2", &link).unwrap();
    symlink("file", directory.path("link2")).unwrap();
    let mut output = Output::claim(&link, Kind::Report).unwrap();
    refused(Output::claim(&path, Kind::Report), "another call");
    put(&mut output, "new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(link.is_symlink());
}

#[test]
fn a_file_that_somebody_else_put_there_stays() {
    let directory = TestDirectory::new("output-race");
    let path = directory.path("file");
    let stays = |output: &mut Output, content: &str, words: &str| {
        let error = put(output, "lost").unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains(content));
        assert_eq!(directory.names(), ["file"]);
    };
    let mut output = Output::claim(&path, Kind::Report).unwrap();
    write(Kind::Report, &path);
    stays(&mut output, REPORT_MARK, "another program has put a file there");
    drop(output);

    let mut output = Output::claim(&path, Kind::Report).unwrap();
    put(&mut output, &format!("<!DOCTYPE html>{REPORT_MARK} one")).unwrap();
    put(&mut output, &format!("<!DOCTYPE html>{REPORT_MARK} two")).unwrap();
    fs::write(&path, "a text in its place").unwrap();
    stays(&mut output, "a text in its place", "is no report of davegan");
    fs::write(directory.path("new"), format!("<!DOCTYPE html>{REPORT_MARK} three")).unwrap();
    fs::rename(directory.path("new"), &path).unwrap();
    stays(&mut output, "three", "another program has put a file there");
    refused(output.check_known(), "another program has put a file there");
    fs::remove_file(&path).unwrap();
    put(&mut output, "four").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"four");
}

#[test]
fn a_new_file_has_the_permissions_of_the_old_one() {
    let directory = TestDirectory::new("output-permissions");
    let path = directory.path("file");
    write(Kind::Report, &path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    put(&mut Output::claim(&path, Kind::Report).unwrap(), "new").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_is_not_read_and_written_over() {
    let directory = TestDirectory::new("output-read");
    let [path, link, other] = ["file", "link", "other"].map(|name| directory.path(name));
    assert!(check_other_file(&path, &path).is_ok(), "there is none");
    fs::write(&path, "").unwrap();
    symlink("file", &link).unwrap();
    assert!(check_other_file(&path, &other).is_ok() && check_other_file(&other, &path).is_ok());
    let error = check_other_file(&path, &link).unwrap_err();
    assert!(matches!(&error, Error::InvalidParameter(text) if text.contains("link is to be read")), "{error}");
}
