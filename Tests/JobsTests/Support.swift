import Address
import Authoring
import HTTPOrigin
import Hashing
import Jobs
import Logging
import Metainfo
import NIOCore
import Policy
import Swarm
import Synchronization
import TestSupport

/// A front end that keeps its records in memory, and notes all that it hears.
final class MemoryStore: JobStore {
    struct Kept: Sendable {
        var state = JobState.receiving
        var record = JobRecord()
        var saves = 0
        var failure: JobFailure?
    }

    struct Heard: Sendable {
        var events: [JobEvent] = []
        var counts: [JobCount: Int64] = [:]
        var freed = 0
        var ended = 0
    }

    private let kept = Mutex(Kept())
    private let heard = Mutex(Heard())

    var now: Kept { kept.withLock { $0 } }
    var told: Heard { heard.withLock { $0 } }

    func save(_ record: JobRecord, of name: String, in state: JobState) throws(FileFailure) {
        kept.withLock {
            $0.record = record
            $0.saves += 1
        }
    }

    func move(_ name: String, from state: JobState, to next: JobState) throws(FileFailure) {
        try kept.withLock { kept throws(FileFailure) in
            guard kept.state == state else { throw FileFailure(operation: "move", path: name, number: 2) }
            kept.state = next
        }
    }

    func fail(_ name: String, from state: JobState, _ failure: JobFailure) throws(FileFailure) {
        try move(name, from: state, to: .failed)
        kept.withLock { $0.failure = failure }
    }

    var hooks: JobHooks {
        JobHooks(
            placeIsFree: { [self] _ in heard.withLock { $0.freed += 1 } },
            ended: { [self] _ in heard.withLock { $0.ended += 1 } },
            event: { [self] _, event in heard.withLock { $0.events.append(event) } },
            count: { [self] what, count in heard.withLock { $0.counts[what, default: 0] += count } })
    }
}

/// A source whose content is a directory on this host, and which has whatever trouble a test gives it.
final class DirectorySource: RangeSource {
    let host = "directory.example"
    private let root: String
    private let layout: ContentLayout
    private let state: State

    /// What a test changes, for all sources made from one.
    final class State: Sendable {
        private let value = Mutex<(reason: SourceReason?, fetches: Int, wrong: Bool)>((nil, 0, false))
        var fetches: Int { value.withLock { $0.fetches } }
        func set(_ reason: SourceReason?) { value.withLock { $0.reason = reason } }
        func setWrong(_ isWrong: Bool) { value.withLock { $0.wrong = isWrong } }
        fileprivate func next() -> (reason: SourceReason?, isWrong: Bool) {
            value.withLock {
                $0.fetches += 1
                return ($0.reason, $0.wrong)
            }
        }
    }

    init(root: String, layout: ContentLayout, state: State) {
        self.root = root
        self.layout = layout
        self.state = state
    }

    nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        await layout.fetch(run, sink: sink) { range, offset in
            let (reason, isWrong) = state.next()
            if let reason {
                if case .status = reason.kind {
                    return .failed(.giveUp(file: range.file, reason: reason), next: offset)
                }
                return .failed(.unreachable(reason: reason), next: offset)
            }
            guard let all = TemporaryDirectory.read(root + "/" + layout.name(ofFile: range.file)) else {
                return .failed(.giveUp(file: range.file, reason: "gone"), next: offset)
            }
            var part = Array(all[Int(range.bytes.lowerBound)..<Int(range.bytes.upperBound)])
            if isWrong { part[0] ^= 1 }
            let chunk = WebSeedChunk(offset: offset, buffer: ByteBuffer(bytes: part))
            return await sink(chunk) ? .complete : .stopped
        }
    }
}

/// A host with content to be had from a source, and a place for it.
struct JobPlace {
    let directory: TemporaryDirectory
    let store = MemoryStore()
    let source = DirectorySource.State()
    let swarm: SwarmNode
    let job: Job
    let host: JobHost

    var final: String { directory.path + "/final/film" }

    init(seedTime: Int = 0, digests: Bool = true, timeout: Double = 600) async throws {
        directory = try TemporaryDirectory()
        for (index, size) in [300_000, 0, 70_001].enumerated() {
            try directory.write("source/film/f\(index)", randomBytes(size, seed: UInt64(index)))
        }
        let content = try ContentScanner.scan(directory.path + "/source/film")
        let torrent = try await TorrentMaker(content, options: TorrentOptions(version: .v1)).make()
        let files = torrent.info.layout.files.enumerated().filter { !$0.element.isPadding }
        let place = directory.path
        let jobFiles = files.map { index, file in
            let name = torrent.info.layout.name(ofFile: index)
            let bytes = TemporaryDirectory.read(place + "/source/film/" + name) ?? []
            return JobFile(path: name, size: file.length, digest: digests ? SHA1.digest(bytes) : nil)
        }
        let indices = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($0.offset, $0.element.offset) })
        var plan = DeliveryPlan(
            sizes: jobFiles.map(\.size), homes: jobFiles.map { _ in .cdn }, torrentFiles: [], usable: [.cdn],
            seedTime: seedTime)
        plan.settings.probing = Backoff(first: 0.05, most: 0.2)
        plan.settings.sourceTimeout = timeout
        let state = source
        job = Job(
            name: "film", files: jobFiles, isSingleFile: false,
            torrents: JobTorrents(full: JobTorrent(torrent, indices: indices)), plan: plan,
            places: JobPlaces(
                incoming: place + "/own/film", work: place + "/own/.film",
                final: .init(path: place + "/final/film", marker: place + "/final/film.finished", kind: .local),
                staging: OwnTree(path: place + "/own")),
            sources: JobSources { method, layout in
                guard method == .cdn else { return nil }
                return .success(DirectorySource(root: place + "/source/film", layout: layout, state: state))
            })
        var options = TransferOptions()
        options.listen = PeerAddress("127.0.0.1:0")
        swarm = try SwarmNode(configuration: SwarmNode.Configuration(), logger: Logger(label: "test"))
        host = JobHost(
            swarm: swarm, transferOptions: options, library: NoLibrary(), clock: SystemJobClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, settings: JobSettings(tick: 0.02),
            publications: Turns(atOnce: 8), checks: Turns(atOnce: 2))
    }

    func runner(
        _ record: JobRecord = JobRecord(), _ state: JobState = .receiving, hooks: JobHooks? = nil
    ) -> JobRunner {
        JobRunner(job: job, record: record, state: state, host: host, store: store, hooks: hooks ?? store.hooks)
    }
}

/// Lets tasks pass once it is open.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    var isWaitedFor: Bool { state.withLock { !$0.waiting.isEmpty } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension TemporaryDirectory {
    static func read(_ path: String) -> [UInt8]? { try? PathFiles.read(path, limit: 1 << 20) }
}
