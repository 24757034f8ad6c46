import HTTPTransport
import NIOHTTP1

/// A byte range of one file to request.
package struct FileRange: Sendable, Hashable {
    /// Index in `ContentLayout.files`.
    package let file: Int
    package let fileLength: Int64
    /// In bytes from the start of the file; not empty.
    package let bytes: Range<Int64>

    package init(file: Int, fileLength: Int64, bytes: Range<Int64>) {
        self.file = file
        self.fileLength = fileLength
        self.bytes = bytes
    }

    package var isWholeFile: Bool { bytes.lowerBound == 0 && bytes.upperBound == fileLength }
    /// Value of the `Range` header; nil for the whole file, which needs no header.
    package var header: String? { isWholeFile ? nil : "bytes=\(bytes.lowerBound)-\(bytes.upperBound - 1)" }
}

/// The interpretation of the status and headers of a response to a range request. Pure; follows RFC 9110, sections 14
/// and 15.
package enum RangeAnswer: Sendable, Hashable {
    /// The body is part of the file. The range begins `skip` bytes after the start of the body and has `length` bytes.
    case body(skip: Int64, length: Int64)
    case problem(WebSeedProblem)

    /// - Parameter now: Unix time, for a `Retry-After` that is a date.
    package init(
        status: Int, headers: HTTPHeaders, to range: FileRange, host: String, settings: WebSeedSettings, now: Double
    ) {
        let wanted = range.bytes.upperBound - range.bytes.lowerBound
        switch status {
        case 206: self = RangeAnswer.partial(headers, range, host, wanted)
        case 200: self = RangeAnswer.whole(headers, range, host, wanted, settings)
        case 416:
            self = .problem(
                .wrongContent(
                    file: range.file,
                    reason: SourceReason(
                        .wrongContent, "\(host) has a shorter file than the torrent describes (416)")))
        case 429, 503:
            let wait = headers.first(name: "retry-after").flatMap { RetryAfter.seconds($0, now: now) }
            self = .problem(
                .retry(
                    after: wait.map { min($0, settings.longestRetryAfter) },
                    reason: SourceReason(.status(status), "\(host) is busy (\(status))")))
        case 408, 425, 500, 502, 504:
            self = .problem(.retry(after: nil, reason: SourceReason(.status(status), "\(host) answers \(status)")))
        case 400..<500:
            self = .problem(
                .giveUp(
                    file: range.file,
                    reason: SourceReason(.status(status), "\(host) does not give out the file (\(status))")))
        default:
            self = .problem(
                .giveUp(
                    file: range.file,
                    reason: SourceReason(.status(status), "\(host) answers \(status), which is no file")))
        }
    }

    private static func partial(_ headers: HTTPHeaders, _ range: FileRange, _ host: String, _ wanted: Int64)
        -> RangeAnswer
    {
        guard let given = headers.first(name: "content-range").flatMap(ContentRange.init),
            headers["content-range"].count == 1
        else { return wrong(range, "\(host) sends a part of the file without saying which") }
        if let total = given.total, total != range.fileLength {
            return wrong(
                range, "the file at \(host) has \(total) bytes, not \(range.fileLength): it has changed or is another")
        }
        guard given.bytes == range.bytes else {
            return wrong(range, "\(host) sends another range than it was asked for")
        }
        guard lengthFits(headers, wanted) else {
            return wrong(range, "\(host) sends a range of another length than it says")
        }
        return .body(skip: 0, length: wanted)
    }

    private static func whole(
        _ headers: HTTPHeaders, _ range: FileRange, _ host: String, _ wanted: Int64, _ settings: WebSeedSettings
    ) -> RangeAnswer {
        guard lengthFits(headers, range.fileLength) else {
            return wrong(range, "the file at \(host) is not as long as the torrent says")
        }
        // If identity was requested and the length is that of the file, a label such as `x-gzip` describes the stored
        // file, and the piece hash decides. Without a length the body may be compressed.
        if headers["content-length"].isEmpty, let coding = coding(headers) {
            return wrong(range, "\(host) compresses the file (\(coding)), which was not asked for")
        }
        guard range.isWholeFile || range.fileLength <= settings.smallFile else {
            return .problem(.giveUp(file: range.file, reason: "\(host) does not serve ranges"))
        }
        return .body(skip: range.bytes.lowerBound, length: wanted)
    }

    private static func wrong(_ range: FileRange, _ reason: String) -> RangeAnswer {
        .problem(.wrongContent(file: range.file, reason: SourceReason(.wrongContent, reason)))
    }

    /// The name of a content coding other than `identity`, for a person.
    private static func coding(_ headers: HTTPHeaders) -> String? {
        let codings = headers["content-encoding"].filter { !$0.isEmpty && $0.lowercased() != "identity" }
        return codings.first.map { $0.utf8.count < 20 && $0.allSatisfy(\.isLetter) ? $0 : "a coding" }
    }

    /// Whether `Content-Length`, if present, equals `length`.
    private static func lengthFits(_ headers: HTTPHeaders, _ length: Int64) -> Bool {
        headers["content-length"].allSatisfy { Int64($0) == length }
    }
}
