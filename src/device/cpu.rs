//! The CPU as a device.

/// Model name of the CPU, or its architecture if the system does not tell.
pub fn name() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    model.filter(|name| !name.is_empty()).unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Memory of the machine in bytes.
pub fn memory() -> Option<u64> {
    // SAFETY: sysconf reads a number of the system, and returns -1 if there is none.
    let [pages, page] = [libc::_SC_PHYS_PAGES, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    Some(u64::try_from(pages).ok()? * u64::try_from(page).ok()?)
}
