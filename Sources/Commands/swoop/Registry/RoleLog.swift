import Files
import Glibc
import Logging
import RegistrySettings
import Text

extension RoleConfiguration {
    /// The log as the key `zap` describes it. A level on the command line takes precedence.
    /// - Parameter reporter: gets a warning for a path that cannot be written. The role runs without that log.
    func logger(_ global: GlobalOptions, _ reporter: Reporter) -> Logger {
        var logger = global.logger
        let wanted = values.logging
        if !wanted.paths.isEmpty {
            let places = wanted.paths.compactMap { path -> LogPlace? in
                // With --json, standard output is for results only.
                if path == "stdout" { return LogPlace(descriptor: global.json ? 2 : 1) }
                if path == "stderr" { return LogPlace(descriptor: 2) }
                guard let place = LogPlace(path: path) else {
                    reporter.warning("the log \(path.shown) cannot be written: \(SystemError(errno))")
                    return nil
                }
                return place
            }
            let log = LogWriter(places: LogPlace.distinct(places))
            logger = Logger(label: "swoop") { _ in RedactedLog(log) }
        }
        logger.logLevel = global.verbose > 0 ? (global.verbose == 1 ? .info : .debug) : wanted.level?.level ?? .warning
        logger.info("started", metadata: ["version": "\(Product.version)", "configuration": "\(place.path ?? "none")"])
        return logger
    }
}

extension LogPlaces.Level {
    fileprivate var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warning
        case .error: .error
        case .dpanic, .panic, .fatal: .critical
        }
    }
}

/// A file that log lines are appended to. It stays open until the process ends.
struct LogPlace: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Opens the file. Creates it and its directory if they are missing. Returns nil and sets `errno` on failure.
    init?(path: String) {
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            _ = try? HeldDirectory.open(SystemPath(String(path[..<slash])), creating: true)
        }
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o640)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// Keeps each file once: a path may be the file that standard output is redirected to.
    static func distinct(_ places: [LogPlace]) -> [LogPlace] {
        struct Identity: Hashable {
            let device: dev_t
            let inode: ino_t
        }
        var seen: Set<Identity> = []
        return places.filter { place in
            var status = stat()
            guard fstat(place.descriptor, &status) == 0 else { return false }
            return seen.insert(Identity(device: status.st_dev, inode: status.st_ino)).inserted
        }
    }
}

/// A log handler that writes each message as one line to all places.
private struct LogWriter: LogHandler {
    let places: [LogPlace]
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(places: [LogPlace]) { self.places = places }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        all.merge(event.metadata ?? [:]) { _, later in later }
        let values = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let line = "\(Self.now) \(event.level) swoop:\(values) \(event.message)\n"
        for place in places { Terminal.write(line, to: place.descriptor) }
    }

    private static var now: String {
        var (seconds, parts) = (time(nil), tm())
        localtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 40)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
