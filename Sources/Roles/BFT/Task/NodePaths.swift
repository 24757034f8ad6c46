import Text

/// Paths on a node (section 1 of the contract): BASE, DATA, and paths derived from them.
package struct NodePaths: Sendable, Hashable {
    package let base: String
    package let data: String
    package let role: NodeRole
    package let plan: ReceiverStorePlan
    private let taskRoots: [String]

    package init(_ configuration: NodeConfiguration) {
        base = configuration.baseDataPath
        data = configuration.dataPath
        role = configuration.role
        plan = configuration.receiverStorePlan
        taskRoots = configuration.taskRoots
    }

    /// Final path of a content; nil on a cacher, which keeps nothing.
    package func stored(_ subdirectory: TaskSubdirectory, _ name: String) -> String? {
        switch (role, plan) {
        case (.cacher, _): nil
        case (.receiver, .a): "\(base)/\(name)"
        default: "\(base)/\(subdirectory.text)/dcps/\(name)"
        }
    }

    /// The marker beside the stored content that is created when it is complete.
    package func finishedMarker(_ subdirectory: TaskSubdirectory, _ name: String) -> String? {
        stored(subdirectory, name).map { $0 + ".finished" }
    }

    /// The path of incomplete content.
    /// - Parameter isShare: whether a cacher fetches only a share.
    package func staging(_ subdirectory: TaskSubdirectory, _ name: String, isShare: Bool = false) -> String {
        role == .cacher
            ? "\(data)/transfer/bt/\(subdirectory.text)/\(name)\(isShare ? "-tmp" : "")"
            : "\(data)/transfer/\(subdirectory.text)/\(name)"
    }

    /// The staging path if DATA is on another file system than BASE.
    package func stagingUnderBase(_ subdirectory: TaskSubdirectory, _ name: String) -> String {
        "\(base)/.swoop/\(subdirectory.text)/\(name)"
    }

    /// The torrent beside the content at `contentPath`.
    package func torrent(ofContent contentPath: String) -> String { contentPath + ".torrent" }

    /// The torrent of a content's BT share, at its sender.
    package func tmpTorrent(_ subdirectory: TaskSubdirectory, _ name: String) -> String {
        "\(base)/\(subdirectory.text)/dcps-tmp/\(name)-tmp.torrent"
    }

    /// The directory for a state of sending.
    package func directory(_ state: SenderState) -> String { "\(data)/sender/\(state.rawValue)" }
    /// The directory for a state of receiving.
    package func directory(_ state: ReceiverState) -> String { "\(data)/receiver/\(state.rawValue)" }

    /// Every directory that a node creates when it starts.
    package var directories: [String] {
        SenderState.allCases.map { directory($0) } + ReceiverState.allCases.map { directory($0) }
    }

    /// `path` relative to BASE, without a leading slash; nil if it is elsewhere or not in normal form.
    package func belowBase(_ path: String) -> String? {
        guard Self.isCleanAbsolute(path), Self.isBelow(path, base) else { return nil }
        return String(Substring(path.utf8.dropFirst(base.utf8.count + 1)))
    }

    /// The URL of `path` at a domain: `/dcp/` and the path below BASE. Nil if it is not below BASE.
    package func url(domain: String, path: String) -> String? {
        belowBase(path).map { "\(domain)/dcp/\(Self.percentEncoded($0))" }
    }

    /// Whether a call may name a task file at `path`. The shell resolves symbolic links and then asks again.
    package func mayHoldTaskFile(_ path: String) -> Bool {
        Self.isCleanAbsolute(path) && taskRoots.contains { Self.isBelow(path, $0) }
    }

    /// Whether `path` is absolute and has no `.`, `..`, empty component, NUL, or trailing slash.
    package static func isCleanAbsolute(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/"), bytes.count > 1, bytes.count < 4096, !bytes.contains(0) else {
            return false
        }
        let parts = bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            !part.isEmpty && part.count <= 255 && !(part.count <= 2 && part.allSatisfy { $0 == UInt8(ascii: ".") })
        }
    }

    /// Whether `name` is a single file name that ends in `.task.json`, for calls that take no path.
    package static func isTaskFileName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return bytes.count > 10 && bytes.count <= 255 && name.hasSuffix(".task.json")
            && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(0)
    }

    private static func isBelow(_ path: String, _ directory: String) -> Bool {
        path.utf8.count > directory.utf8.count + 1 && path.utf8.starts(with: (directory + "/").utf8)
    }

    /// Percent-encodes all characters except RFC 3986's unreserved ones, a few that BFT's URLs have never encoded, and
    /// slashes.
    package static func percentEncoded(_ path: String) -> String {
        PercentEncoding.encode(path.utf8, keeping: "/!$&'()*+,;=:@")
    }
}

/// The states of a task that is sent; each is a directory of that name below `DATA/sender`.
package enum SenderState: String, Sendable, Hashable, CaseIterable {
    case tmp, queues, uploading, uploaded, history, failed
}

/// The states of a task that is received; each is a directory of that name below `DATA/receiver`.
package enum ReceiverState: String, Sendable, Hashable, CaseIterable {
    case tmp, queues, downloading, downloaded, history, failed
}
