import Text

/// Where things lie on a node (section 1 of the contract): BASE, DATA, and what is made of them.
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

    /// Final place of a content; nil on a cacher, which keeps nothing.
    package func stored(_ subdirectory: TaskSubdirectory, _ name: String) -> String? {
        switch (role, plan) {
        case (.cacher, _): nil
        case (.receiver, .a): "\(base)/\(name)"
        default: "\(base)/\(subdirectory.text)/dcps/\(name)"
        }
    }

    /// Beside the stored content once it is complete.
    package func finishedMarker(_ subdirectory: TaskSubdirectory, _ name: String) -> String? {
        stored(subdirectory, name).map { $0 + ".finished" }
    }

    /// Where a content gathers.
    /// - Parameter isShare: whether it is a cacher that fetches a share and not the whole.
    package func staging(_ subdirectory: TaskSubdirectory, _ name: String, isShare: Bool = false) -> String {
        role == .cacher
            ? "\(data)/transfer/bt/\(subdirectory.text)/\(name)\(isShare ? "-tmp" : "")"
            : "\(data)/transfer/\(subdirectory.text)/\(name)"
    }

    /// The staging place where DATA lies on another file system than BASE.
    package func stagingUnderBase(_ subdirectory: TaskSubdirectory, _ name: String) -> String {
        "\(base)/.swoop/\(subdirectory.text)/\(name)"
    }

    /// The torrent beside a content at `contentPath`.
    package func torrent(ofContent contentPath: String) -> String { contentPath + ".torrent" }

    /// The torrent of a content's BT share at its sender.
    package func tmpTorrent(_ subdirectory: TaskSubdirectory, _ name: String) -> String {
        "\(base)/\(subdirectory.text)/dcps-tmp/\(name)-tmp.torrent"
    }

    /// The directory that is a state of sending.
    package func directory(_ state: SenderState) -> String { "\(data)/sender/\(state.rawValue)" }
    /// The directory that is a state of receiving.
    package func directory(_ state: ReceiverState) -> String { "\(data)/receiver/\(state.rawValue)" }

    /// Every directory that a node makes when it starts.
    package var directories: [String] {
        SenderState.allCases.map { directory($0) } + ReceiverState.allCases.map { directory($0) }
    }

    /// `path` below BASE without the slash between; nil if it lies elsewhere or is not written plainly.
    package func belowBase(_ path: String) -> String? {
        guard Self.isCleanAbsolute(path), Self.isBelow(path, base) else { return nil }
        return String(Substring(path.utf8.dropFirst(base.utf8.count + 1)))
    }

    /// The URL of `path`, which lies below BASE, at a domain: `/dcp/` and the path. Nil if it does not.
    package func url(domain: String, path: String) -> String? {
        belowBase(path).map { "\(domain)/dcp/\(Self.percentEncoded($0))" }
    }

    /// Whether a call may name a task file at `path`. Symbolic links are the shell's to resolve before it asks again.
    package func mayHoldTaskFile(_ path: String) -> Bool {
        Self.isCleanAbsolute(path) && taskRoots.contains { Self.isBelow(path, $0) }
    }

    /// Whether `path` is absolute and has no `.`, `..`, empty part, NUL, or trailing slash.
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

    /// Whether `name` is one plain file name that ends in `.task.json`, as calls give it that name no path.
    package static func isTaskFileName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return bytes.count > 10 && bytes.count <= 255 && name.hasSuffix(".task.json")
            && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(0)
    }

    private static func isBelow(_ path: String, _ directory: String) -> Bool {
        path.utf8.count > directory.utf8.count + 1 && path.utf8.starts(with: (directory + "/").utf8)
    }

    /// Percent-encodes all but RFC 3986's unreserved characters, a few that URLs of contents have always had as they
    /// are, and the slashes.
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
