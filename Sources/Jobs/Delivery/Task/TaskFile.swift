import JSON
import Metainfo

/// One file of a task.
public struct TaskFileEntry: Sendable, Hashable {
    /// Below the content's directory; for a task of one file, its name.
    public var path: SafePath
    /// SHA-1 of the whole file, 40 lower-case hexadecimal digits.
    public var hash: String
    /// Bytes.
    public var size: Int64
    /// Members that are not known here.
    var extra = JSONObject()

    public init(path: SafePath, hash: String, size: Int64) {
        self.path = path
        self.hash = hash
        self.size = size
    }

    /// `path` as text: a path that came out of JSON always is text.
    public var file: String { path.string ?? path.display }
}

/// What is known about the BitTorrent half of a task.
public struct TaskTorrent: Sendable, Equatable {
    public var localTorrent = ""
    public var url = ""
    /// Empty where there is no torrent of the share.
    public var tmpURL = ""
    public var tracker = ""
    public var seedTime: SeedTime?
    public var window: QuietWindow?
    /// Info hashes of the torrents at `url` and `tmpURL`, lower-case hexadecimal; empty in files of older senders.
    public var infoHash = ""
    public var tmpInfoHash = ""
    var extra = JSONObject()

    public init() {}
}

/// What is known about the object-store half of a task.
public struct TaskStore: Sendable, Equatable {
    public var url = ""
    public var window: QuietWindow?
    /// Given by the call that made the task; else receivers look keys up for themselves.
    public var keys = StoreKeys()
    var extra = JSONObject()

    public init() {}
}

/// What is known about the CDN half of a task.
public struct TaskCDN: Sendable, Equatable {
    public var url = ""
    public var window: QuietWindow?
    var extra = JSONObject()

    public init() {}
}

/// Whether a task's content is a directory or a single file.
public enum TaskContentType: String, Sendable, Hashable, CaseIterable { case dir, file }

/// A task file, `SUBDIR-NAME.task.json`: what is to be delivered, how, and when what happened to it.
public struct TaskFile: Sendable, Equatable {
    public var sourceType = "sender"
    public var senderID = ""
    /// NAME: one safe path component.
    public var name: String
    public var type = TaskContentType.dir
    /// Where the content lay at the sender: for tracing only, never used as a path here.
    public var senderLocalPath = ""
    public var subdirectory: TaskSubdirectory
    public var dataSource: DataSource?
    /// Bytes of the whole content, as `size` says.
    public var size: Int64
    public var shares: Shares
    public var policy = DeliveryPolicy.fulltime
    public var bt = TaskTorrent()
    public var obs = TaskStore()
    public var cdn = TaskCDN()
    public var fileList: [TaskFileEntry]

    /// Each method's share as the sender split it. In the file, each list is without what lies here already.
    public var lists = PerMethod<[SafePath]>(repeating: [])
    /// Bytes of `lists`, as the sender wrote them; nil where it did not.
    public var listSizes = PerMethod<Int64?>(repeating: nil)
    /// Files that are in the library of this machine, and are copied.
    public var localSameFiles: [SafePath] = []
    /// Bytes of `lists` without `localSameFiles`.
    public var listSizes2 = PerMethod<Int64?>(repeating: nil)

    /// `YYYY-MM-DD HH:MM:SS` local time of when it happened; empty before.
    public var generationTime = ""
    public var sendTime = ""
    public var receiveTime = ""
    public var finishedTime = ""

    public var rebalance = Rebalance.none
    /// Methods that cost money, and may be paid for more than their share.
    public var payable: [DeliveryMethod] = []
    /// Whether seeding keeps to the window too; nil leaves it to the configuration.
    public var seedsInWindow: Bool?

    /// Asked for by whom, as it came.
    var requesters: JSONValue = .array([])
    /// Members that are not known here, written back at the end.
    var extra = JSONObject()

    public init(name: String, subdirectory: TaskSubdirectory, shares: Shares, fileList: [TaskFileEntry]) {
        self.name = name
        self.subdirectory = subdirectory
        self.shares = shares
        self.fileList = fileList
        size = fileList.reduce(0) { $0 &+ $1.size }
    }

    /// `SUBDIR-NAME`, as showschedules names a task.
    public var title: String { "\(subdirectory.text)-\(name)" }
    /// `SUBDIR-NAME.task.json`.
    public var fileName: String { title + ".task.json" }

    /// Bytes of all files of `fileList`.
    public var totalSize: Int64 { fileList.reduce(0) { $0 + $1.size } }

    /// The place of each file in `fileList`.
    public func places() -> [SafePath: Int] {
        Dictionary(fileList.enumerated().map { ($1.path, $0) }) { first, _ in first }
    }

    /// The window of a method as the task has it.
    public func window(_ method: DeliveryMethod) -> QuietWindow? {
        switch method {
        case .bt: bt.window
        case .obs: obs.window
        case .cdn: cdn.window
        }
    }

    /// When each method may transfer: always under `fulltime`; else the task's window, else the configuration's.
    public func windows(configuration: NodeConfiguration) -> PerMethod<QuietWindow> {
        var windows = PerMethod(repeating: QuietWindow.always)
        guard policy == .priortime else { return windows }
        for method in DeliveryMethod.allCases {
            windows[method] = window(method) ?? configuration.windows[method]
        }
        return windows
    }

    /// The methods that have a share and at least one file of it.
    public var usedMethods: [DeliveryMethod] { shares.methods.filter { !lists[$0].isEmpty } }

    /// Whether receivers take the torrent of the share (`-tmp`), not the full one.
    public var needsTmpTorrent: Bool { !shares.isTorrentOnly && shares.bt > 0 && !lists.bt.isEmpty }

    /// Sets the lists and their sizes from what `ContentSplit.assign` made of `fileList`.
    public mutating func setSplit(_ assignment: [DeliveryMethod: [Int]]) {
        for method in DeliveryMethod.allCases {
            let files = (assignment[method] ?? []).filter(fileList.indices.contains)
            lists[method] = files.map { fileList[$0].path }
            listSizes[method] = files.reduce(0) { $0 + fileList[$1].size }
        }
        setLocalSameFiles([])
    }

    /// Notes which files (by place in `fileList`) lie here already, and what is left for each method.
    public mutating func setLocalSameFiles(_ files: Set<Int>) {
        localSameFiles = fileList.indices.filter(files.contains).map { fileList[$0].path }
        let places = places()
        for method in DeliveryMethod.allCases {
            listSizes2[method] = lists[method].reduce(0) { sum, path in
                guard let place = places[path], !files.contains(place) else { return sum }
                return sum + fileList[place].size
            }
        }
    }

    /// The files (places in `fileList`) of each method's list that do not lie here already.
    public func remainingFiles() -> PerMethod<[Int]> {
        let places = places()
        let local = Set(localSameFiles)
        return lists.map { list in list.filter { !local.contains($0) }.compactMap { places[$0] } }
    }

    /// Bytes of the files that lie here already.
    public var localSameSize: Int64 {
        let local = Set(localSameFiles)
        return fileList.reduce(0) { local.contains($1.path) ? $0 + $1.size : $0 }
    }

    /// What is wrong with the sums; nil if every file is in exactly one list and all numbers agree.
    public func imbalance() -> TaskFileImbalance? {
        let total = totalSize
        if total == 0 { return .filesAreEmpty }
        if size == 0 { return .sizeIsZero }
        let places = places()
        var times = [Int](repeating: 0, count: fileList.count)
        for path in lists.all.joined() { if let place = places[path] { times[place] += 1 } }
        let local = Set(localSameFiles)
        // A file that lay at an older node's place and left its list there is still accounted for.
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

    /// Reads the bytes of a task file.
    public static func parse(_ bytes: [UInt8]) throws(TaskFileError) -> TaskFile {
        let value: JSONValue
        do { value = try JSONValue.parse(bytes, limits: .taskFile) } catch { throw .syntax(error) }
        guard let object = value.objectValue else { throw .notAnObject }
        return try TaskFileReader.read(object)
    }
}
