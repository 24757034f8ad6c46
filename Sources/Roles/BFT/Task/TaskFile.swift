import JSON
import Metainfo
import Policy

/// One file of a task.
package struct TaskFileEntry: Sendable, Hashable {
    /// Path below the content's directory; for a single-file task, the file's name.
    package var path: SafePath
    /// SHA-1 of the whole file, 40 lower-case hexadecimal digits.
    package var hash: String
    /// Bytes.
    package var size: Int64
    /// Unknown members.
    var extra = JSONObject()

    package init(path: SafePath, hash: String, size: Int64) {
        self.path = path
        self.hash = hash
        self.size = size
    }

    /// `path` as text: a path from JSON always is text.
    package var file: String { path.string ?? path.display }
}

/// The BitTorrent part of a task.
package struct TaskTorrent: Sendable, Equatable {
    package var localTorrent = ""
    package var url = ""
    /// Empty if there is no torrent of the share.
    package var tmpURL = ""
    package var tracker = ""
    package var seedTime: SeedTime?
    package var window: QuietWindow?
    /// Info hashes of the torrents at `url` and `tmpURL`, lower-case hexadecimal; empty in files of older senders.
    package var infoHash = ""
    package var tmpInfoHash = ""
    var extra = JSONObject()

    package init() {}
}

/// The object store part of a task.
package struct TaskStore: Sendable, Equatable {
    package var url = ""
    package var window: QuietWindow?
    /// From the call that made the task; otherwise receivers use their own keys.
    package var keys = StoreKeys()
    var extra = JSONObject()

    package init() {}
}

/// The CDN part of a task.
package struct TaskCDN: Sendable, Equatable {
    package var url = ""
    package var window: QuietWindow?
    var extra = JSONObject()

    package init() {}
}

/// Whether a task's content is a directory or a single file.
package enum TaskContentType: String, Sendable, Hashable, CaseIterable { case dir, file }

/// A task file, `SUBDIR-NAME.task.json`: the content to deliver, the methods, and the times of its events.
package struct TaskFile: Sendable, Equatable {
    package var sourceType = "sender"
    package var senderID = ""
    /// NAME: one safe path component.
    package var name: String
    package var type = TaskContentType.dir
    /// Path of the content at the sender, for tracing only. Never used as a path here.
    package var senderLocalPath = ""
    package var subdirectory: TaskSubdirectory
    package var dataSource: DataSource?
    /// Bytes of the whole content, from `size`.
    package var size: Int64
    package var shares: Shares
    package var policy = DeliveryPolicy.fulltime
    package var bt = TaskTorrent()
    package var obs = TaskStore()
    package var cdn = TaskCDN()
    package var fileList: [TaskFileEntry]

    /// Each method's share, as divided by the sender. In the file, the lists do not contain files that are on this host
    /// already.
    package var lists = PerMethod<[SafePath]>(repeating: [])
    /// Bytes of `lists`, as the sender wrote them; nil if it did not.
    package var listSizes = PerMethod<Int64?>(repeating: nil)
    /// Files in the library of this host, which are copied.
    package var localSameFiles: [SafePath] = []
    /// Bytes of `lists` without `localSameFiles`.
    package var listSizes2 = PerMethod<Int64?>(repeating: nil)

    /// `YYYY-MM-DD HH:MM:SS` local time of each event; empty before it.
    package var generationTime = ""
    package var sendTime = ""
    package var receiveTime = ""
    package var finishedTime = ""

    package var rebalance = Rebalance.none
    /// Methods that cost money, and may be used beyond their share.
    package var payable: [DeliveryMethod] = []
    /// Whether the window also applies to seeding; nil uses the configuration.
    package var seedsInWindow: Bool?

    /// The requesters, unchanged.
    var requesters: JSONValue = .array([])
    /// Unknown members, written back at the end.
    var extra = JSONObject()

    package init(name: String, subdirectory: TaskSubdirectory, shares: Shares, fileList: [TaskFileEntry]) {
        self.name = name
        self.subdirectory = subdirectory
        self.shares = shares
        self.fileList = fileList
        size = fileList.reduce(0) { $0 &+ $1.size }
    }

    /// `SUBDIR-NAME`, the name of a task in showschedules.
    package var title: String { "\(subdirectory.text)-\(name)" }
    /// `SUBDIR-NAME.task.json`.
    package var fileName: String { title + ".task.json" }

    /// Bytes of all files of `fileList`.
    package var totalSize: Int64 { fileList.reduce(0) { $0 + $1.size } }

    /// The index of each file in `fileList`.
    package func places() -> [SafePath: Int] {
        Dictionary(fileList.enumerated().map { ($1.path, $0) }) { first, _ in first }
    }

    /// The window of a method, from the task.
    package func window(_ method: DeliveryMethod) -> QuietWindow? {
        switch method {
        case .bt: bt.window
        case .obs: obs.window
        case .cdn: cdn.window
        }
    }

    /// The windows of each method: always for `fulltime`; else the task's window, else the configuration's.
    package func windows(configuration: NodeConfiguration) -> PerMethod<QuietWindow> {
        var windows = PerMethod(repeating: QuietWindow.always)
        guard policy == .priortime else { return windows }
        for method in DeliveryMethod.allCases {
            windows[method] = window(method) ?? configuration.windows[method]
        }
        return windows
    }

    /// The methods with a share and at least one file.
    package var usedMethods: [DeliveryMethod] { shares.methods.filter { !lists[$0].isEmpty } }

    /// Whether receivers use the torrent of the share (`-tmp`) instead of the full one.
    package var needsTmpTorrent: Bool { !shares.isTorrentOnly && shares.bt > 0 && !lists.bt.isEmpty }

    /// Sets the lists and their sizes from the result of `ContentSplit.assign` for `fileList`.
    package mutating func setSplit(_ assignment: [DeliveryMethod: [Int]]) {
        for method in DeliveryMethod.allCases {
            let files = (assignment[method] ?? []).filter(fileList.indices.contains)
            lists[method] = files.map { fileList[$0].path }
            listSizes[method] = files.reduce(0) { $0 + fileList[$1].size }
        }
        setLocalSameFiles([])
    }

    /// Records which files (by index in `fileList`) are on this host already, and what is left for each method.
    package mutating func setLocalSameFiles(_ files: Set<Int>) {
        localSameFiles = fileList.indices.filter(files.contains).map { fileList[$0].path }
        let places = places()
        for method in DeliveryMethod.allCases {
            listSizes2[method] = lists[method].reduce(0) { sum, path in
                guard let place = places[path], !files.contains(place) else { return sum }
                return sum + fileList[place].size
            }
        }
    }

    /// The files (indices in `fileList`) of each method's list that are not on this host already.
    package func remainingFiles() -> PerMethod<[Int]> {
        let places = places()
        let local = Set(localSameFiles)
        return lists.map { list in list.filter { !local.contains($0) }.compactMap { places[$0] } }
    }

    /// Bytes of the files that are on this host already.
    package var localSameSize: Int64 {
        let local = Set(localSameFiles)
        return fileList.reduce(0) { local.contains($1.path) ? $0 + $1.size : $0 }
    }

    /// The inconsistency of the sums; nil if every file is in exactly one list and all numbers agree.
    package func imbalance() -> TaskFileImbalance? {
        let total = totalSize
        if total == 0 { return .filesAreEmpty }
        if size == 0 { return .sizeIsZero }
        let places = places()
        var times = [Int](repeating: 0, count: fileList.count)
        for path in lists.all.joined() { if let place = places[path] { times[place] += 1 } }
        let local = Set(localSameFiles)
        // A local file that an older node has removed from its list still counts.
        let isSplit = fileList.indices.allSatisfy {
            times[$0] == 1 || times[$0] == 0 && local.contains(fileList[$0].path)
        }
        let declared = listSizes.all.compactMap(\.self)
        let sum = declared.reduce(Int64(0)) { $0.addingReportingOverflow($1).partialValue }
        guard size == total, isSplit, declared.count < 3 || sum == total else { return .lists }
        let rest = listSizes2.all.compactMap(\.self)
        guard rest.count == 3, rest.contains(where: { $0 > 0 }) || !localSameFiles.isEmpty else { return nil }
        let restSum = rest.reduce(localSameSize) { $0.addingReportingOverflow($1).partialValue }
        return restSum == total ? nil : .remainingLists
    }

    /// Parses the bytes of a task file.
    package static func parse(_ bytes: [UInt8]) throws(TaskFileError) -> TaskFile {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes, limits: .taskFile) } catch { throw .syntax(error) }
        guard let object = value.objectValue else { throw .notAnObject }
        return try TaskFileReader.read(object)
    }
}
