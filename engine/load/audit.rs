//! What this process itself cost and lost, as the kernel tells.

use std::{collections::HashSet, fs, io};

/// The time that this thread has run, with the soft interrupts it was charged with [s].
pub(crate) fn thread_cpu_s() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns: u64 = text.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
    Ok(ns as f64 / 1e9)
}

/// Packets that the receive queues of these local ports had no room for.
pub(crate) fn queue_drops(ports: &HashSet<u16>) -> io::Result<u64> {
    Ok(drops_in(&fs::read_to_string("/proc/net/udp")?, ports))
}

fn drops_in(table: &str, ports: &HashSet<u16>) -> u64 {
    let drops = |line: &str| {
        let mut fields = line.split_whitespace();
        let port = u16::from_str_radix(fields.nth(1)?.rsplit(':').next()?, 16).ok()?;
        if !ports.contains(&port) {
            return None;
        }
        fields.last()?.parse::<u64>().ok()
    };
    table.lines().skip(1).filter_map(drops).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drops_of_our_ports_and_no_others_are_added() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
             101: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 7\n \
             102: 0100007F:9C41 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 5\n \
             103: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 9\n";
        assert_eq!(drops_in(table, &HashSet::from([0x9C40, 0x9C41])), 12);
        assert_eq!(drops_in("", &HashSet::new()), 0);
    }
}
