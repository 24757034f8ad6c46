/// The directory of each inotify watch. The kernel's watches follow directories through renames, so a path is the one
/// under which the watch was last known.
struct WatchMap {
    private var paths: [Int32: AbsolutePath] = [:]
    private var watches: [AbsolutePath: Int32] = [:]

    var count: Int { paths.count }

    subscript(watch: Int32) -> AbsolutePath? { paths[watch] }

    func contains(_ path: AbsolutePath) -> Bool { watches[path] != nil }

    mutating func set(_ watch: Int32, to path: AbsolutePath) {
        if let old = paths[watch], old != path, watches[old] == watch { watches[old] = nil }
        if let old = watches[path], old != watch { paths[old] = nil }
        paths[watch] = path
        watches[path] = watch
    }

    mutating func remove(_ watch: Int32) {
        guard let path = paths.removeValue(forKey: watch) else { return }
        if watches[path] == watch { watches[path] = nil }
    }

    /// Removes a directory and all below it. Returns their watches, which the kernel still has.
    mutating func remove(within tree: AbsolutePath) -> [Int32] {
        let gone = paths.filter { $0.value.isWithin(tree) }.map(\.key)
        for watch in gone { remove(watch) }
        return gone
    }
}
