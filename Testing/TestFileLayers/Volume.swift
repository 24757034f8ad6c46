import Files
import Glibc
import Text

/// The state of a `MemoryFileLayer`: what is there, what of it is durable, and a journal of entries in between.
struct Volume {
    static let root: UInt64 = 1
    static let pageSize = 4096

    /// Bytes of a file as pages; a page that was never written is a hole.
    struct Data: Equatable {
        var size = 0
        var pages: [Int: [UInt8]] = [:]

        var bytes: [UInt8] { read(0, size) }

        func read(_ offset: Int, _ count: Int) -> [UInt8] {
            let end = min(size, offset + count)
            guard offset < end else { return [] }
            var result: [UInt8] = []
            result.reserveCapacity(end - offset)
            var position = offset
            while position < end {
                let start = position % pageSize
                let length = min(pageSize - start, end - position)
                if let page = pages[position / pageSize] {
                    result += page[start..<start + length]
                } else {
                    result += repeatElement(0, count: length)
                }
                position += length
            }
            return result
        }

        mutating func write(_ bytes: [UInt8], at offset: Int) {
            var done = 0
            while done < bytes.count {
                let start = (offset + done) % pageSize
                let length = min(pageSize - start, bytes.count - done)
                pages[(offset + done) / pageSize, default: [UInt8](repeating: 0, count: pageSize)]
                    .replaceSubrange(start..<start + length, with: bytes[done..<done + length])
                done += length
            }
            size = max(size, offset + bytes.count)
        }

        mutating func resize(to length: Int) {
            size = length
            pages = pages.filter { $0.key * pageSize < length }
            let rest = length % pageSize
            if rest > 0, let last = pages[length / pageSize] {
                pages[length / pageSize] = Array(last[..<rest]) + [UInt8](repeating: 0, count: pageSize - rest)
            }
        }

        /// The next offset that is data, or a hole; nil when there is none before the end.
        func next(from offset: Int, isData: Bool) -> Int? {
            var position = offset
            while position < size {
                if (pages[position / pageSize] != nil) == isData { return position }
                position = (position / pageSize + 1) * pageSize
            }
            return nil
        }
    }

    enum Body {
        case file(Data)
        case directory([FileName: UInt64])
    }

    struct Node {
        var body: Body
        var modified: Int64
        var links: UInt64 = 0
    }

    /// One directory entry set or removed.
    struct Change {
        let directory: UInt64
        let name: FileName
        let node: UInt64?
    }

    var nodes: [UInt64: Node] = [root: Node(body: .directory([:]), modified: 0, links: 1)]
    private var durableData: [UInt64: Data] = [:]
    private var durableEntries: [UInt64: [FileName: UInt64]] = [root: [:]]
    /// Not durable yet, in order; the changes of one element survive together.
    private var journal: [[Change]] = []
    private var descriptors: [Descriptor: UInt64] = [:]
    private var locks: [UInt64: Descriptor] = [:]
    private var nextDescriptor: Descriptor = 1000
    private var nextNode: UInt64 = 2
    private var clock: Int64 = 1_000_000_000

    // MARK: Names

    static func names(_ path: String) throws(SystemError) -> [FileName] {
        var names: [FileName] = []
        for part in path.split(separator: "/") {
            guard let name = FileName(String(part)) else { throw SystemError(EINVAL) }
            names.append(name)
        }
        return names
    }

    func resolve(_ path: String) throws(SystemError) -> UInt64 {
        var node = Self.root
        for name in try Self.names(path) { node = try find(name, in: node) }
        return node
    }

    func entries(_ node: UInt64) throws(SystemError) -> [FileName: UInt64] {
        guard case .directory(let entries)? = nodes[node]?.body else { throw SystemError(ENOTDIR) }
        return entries
    }

    func find(_ name: FileName, in directory: UInt64) throws(SystemError) -> UInt64 {
        guard let node = try entries(directory)[name] else { throw SystemError(ENOENT) }
        return node
    }

    mutating func add(_ name: FileName, _ body: Body, in directory: UInt64) throws(SystemError) -> UInt64 {
        guard let parent = nodes[directory], parent.links > 0 else { throw SystemError(ENOENT) }
        let node = nextNode
        nextNode += 1
        clock += 1_000_000
        nodes[node] = Node(body: body, modified: clock)
        switch body {
        case .file: durableData[node] = Data()
        case .directory: durableEntries[node] = [:]
        }
        try apply([Change(directory: directory, name: name, node: node)])
        return node
    }

    /// Changes entries now, and durably once the journal is written.
    mutating func apply(_ changes: [Change]) throws(SystemError) {
        for change in changes {
            guard var entries = try? entries(change.directory) else { throw SystemError(ENOTDIR) }
            if let old = entries[change.name] { nodes[old]?.links -= 1 }
            entries[change.name] = change.node
            if let node = change.node { nodes[node]?.links += 1 }
            nodes[change.directory]?.body = .directory(entries)
        }
        journal.append(changes)
    }

    mutating func rename(
        _ name: FileName, _ from: UInt64, _ newName: FileName, _ to: UInt64, _ mode: RenameMode
    ) throws(SystemError) {
        let node = try find(name, in: from)
        let old = try entries(to)[newName]
        guard nodes[to]?.links ?? 0 > 0 else { throw SystemError(ENOENT) }
        switch mode {
        case .noReplace:
            guard old == nil else { throw SystemError(EEXIST) }
        case .exchange:
            guard let old else { throw SystemError(ENOENT) }
            return try apply([
                Change(directory: from, name: name, node: old), Change(directory: to, name: newName, node: node),
            ])
        case .replace:
            if old == node { return }
            if let old, case .directory(let entries)? = nodes[old]?.body {
                guard case .directory? = nodes[node]?.body else { throw SystemError(EISDIR) }
                guard entries.isEmpty else { throw SystemError(ENOTEMPTY) }
            } else if old != nil, case .directory? = nodes[node]?.body {
                throw SystemError(ENOTDIR)
            }
        }
        try apply([Change(directory: to, name: newName, node: node), Change(directory: from, name: name, node: nil)])
    }

    // MARK: Descriptors

    mutating func open(_ node: UInt64) -> Descriptor {
        nextDescriptor += 1
        descriptors[nextDescriptor] = node
        return nextDescriptor
    }

    mutating func openDirectory(_ node: UInt64) throws(SystemError) -> Descriptor {
        _ = try entries(node)
        return open(node)
    }

    mutating func close(_ descriptor: Descriptor) {
        guard let node = descriptors.removeValue(forKey: descriptor) else { return }
        if locks[node] == descriptor { locks[node] = nil }
    }

    func node(_ descriptor: Descriptor) throws(SystemError) -> UInt64 {
        guard let node = descriptors[descriptor] else { throw SystemError(EBADF) }
        return node
    }

    mutating func lock(_ descriptor: Descriptor) throws(SystemError) -> Bool {
        let node = try node(descriptor)
        if let holder = locks[node] { return holder == descriptor }
        locks[node] = descriptor
        return true
    }

    func status(_ node: UInt64) throws(SystemError) -> FileStatus {
        guard let found = nodes[node] else { throw SystemError(ENOENT) }
        let (kind, size): (FileStatus.Kind, Int) =
            switch found.body {
            case .file(let data): (.file, data.size)
            case .directory: (.directory, 0)
            }
        return FileStatus(
            kind: kind, size: Int64(size), modified: found.modified, inode: node, device: 1, links: found.links)
    }

    // MARK: Data

    func data(_ node: UInt64) throws(SystemError) -> Data {
        guard case .file(let data)? = nodes[node]?.body else { throw SystemError(EISDIR) }
        return data
    }

    mutating func change(_ node: UInt64, _ edit: (inout Data) -> Void) throws(SystemError) {
        var data = try data(node)
        edit(&data)
        clock += 1_000_000
        nodes[node]?.body = .file(data)
        nodes[node]?.modified = clock
    }

    // MARK: Durability

    mutating func synchronize(_ node: UInt64) throws(SystemError) {
        switch nodes[node]?.body {
        case .file(let data)?: durableData[node] = data
        case .directory?:
            // Only this directory's changes, though journals of real file systems write what came before them too.
            commit { $0.contains { $0.directory == node } }
        case nil: throw SystemError(EBADF)
        }
    }

    mutating func synchronizeAll() {
        commit { _ in true }
        for (node, found) in nodes {
            if case .file(let data) = found.body { durableData[node] = data }
        }
    }

    /// Makes those elements of the journal durable.
    private mutating func commit(_ isIncluded: ([Change]) -> Bool) {
        journal.removeAll { changes in
            guard isIncluded(changes) else { return false }
            for change in changes { durableEntries[change.directory]?[change.name] = change.node }
            return true
        }
    }

    mutating func kill() {
        descriptors = [:]
        locks = [:]
    }

    mutating func crash(_ loss: MemoryFileLayer.Loss) {
        var generator = SeededGenerator(seed: 0)
        var isRandom = false
        if case .random(let seed) = loss {
            isRandom = true
            generator = SeededGenerator(seed: seed)
            commit { _ in Bool.random(using: &generator) }
        }
        journal = []
        kill()
        var survivors: [UInt64: Node] = [:]
        var queue = [Self.root]
        while let node = queue.popLast() {
            if survivors[node] != nil {
                survivors[node]?.links += 1
                continue
            }
            guard let live = nodes[node] else { continue }
            var kept = live
            kept.links = 1
            switch live.body {
            case .directory:
                let entries = durableEntries[node] ?? [:]
                kept.body = .directory(entries)
                for child in entries.values.sorted() { queue.append(child) }
            case .file(let data):
                let durable = durableData[node] ?? Data()
                kept.body = .file(isRandom ? Self.mix(durable, data, &generator) : durable)
                durableData[node] = nil
            }
            survivors[node] = kept
        }
        nodes = survivors
        for (node, found) in nodes {
            if case .file(let data) = found.body { durableData[node] = data }
        }
    }

    /// Some pages as they were synced, some as they were written last.
    private static func mix(_ durable: Data, _ live: Data, _ generator: inout SeededGenerator) -> Data {
        var mixed = durable
        for page in Set(durable.pages.keys).union(live.pages.keys).sorted() where Bool.random(using: &generator) {
            mixed.pages[page] = live.pages[page]
        }
        mixed.resize(to: Bool.random(using: &generator) ? live.size : durable.size)
        return mixed
    }
}
