import HTTPOrigin
import HTTPTransport
import NIOHTTP1
import S3
import Text

/// Why a request to an object store failed. Texts name hosts, buckets and objects, never keys.
package struct ObjectStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of error, by what can be done about it.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The address, or an object's name, is invalid.
        case address
        /// The host name does not resolve.
        case unresolved
        /// The host accepts no connections.
        case unreachable
        /// The certificate does not verify.
        case untrusted
        /// The store was silent for too long, or the connection broke. Retried.
        case broken
        /// The store reported that it is busy: 429, 5xx. Retried.
        case busy
        /// The credentials are wrong, or lack permission.
        case denied
        /// Our clock or the store's clock is wrong.
        case clockSkew
        case noSuchBucket
        case noSuchKey
        case noSuchUpload
        /// The bucket is in another region or at another endpoint.
        case redirected
        /// The store does not support the operation.
        case unsupported
        /// The object was replaced during the operation.
        case changed
        /// The store sent other data than requested.
        case wrongContent
        /// The store refused for another reason.
        case refused
        /// A local file cannot be read or written, or it changed during the operation.
        case file
        case cancelled
    }

    package let kind: Kind
    package let reason: String
    /// Seconds after which the store asks for a retry; nil if it did not say.
    package let retryAfter: Double?

    package init(_ kind: Kind, _ reason: String, retryAfter: Double? = nil) {
        self.kind = kind
        self.reason = reason
        self.retryAfter = retryAfter
    }

    package var description: String { reason }

    /// Whether the same request may succeed later.
    package var isTransient: Bool {
        switch kind {
        case .broken, .busy, .unresolved, .unreachable: true
        default: false
        }
    }

    init(_ error: HTTPTransportError) {
        switch error {
        case .cancelled: self.init(.cancelled, "cancelled")
        case .unresolved: self.init(.unresolved, error.description)
        case .unreachable: self.init(.unreachable, error.description)
        case .notTrusted: self.init(.untrusted, error.description)
        case .timedOut, .broken: self.init(.broken, error.description)
        case .bodyTooLarge: self.init(.wrongContent, error.description)
        case .invalidURL: self.init(.address, error.description)
        case .tooManyRedirects, .badRedirect, .refusedRedirect, .refusedAddress, .leadsToMagnet, .insecureRedirect:
            self.init(.redirected, error.description)
        }
    }

    /// This error with the name of its object, if the text does not contain it yet.
    /// - Parameter key: nil if it concerns no object.
    func naming(_ key: String?) -> ObjectStoreError {
        guard let key, kind != .cancelled else { return self }
        let name = ShownName.escaped(key)
        return reason.contains(name) ? self : ObjectStoreError(kind, "\(name): \(reason)", retryAfter: retryAfter)
    }

    /// This error as a problem of a content source.
    package func problem(file: Int) -> WebSeedProblem {
        let reason = SourceReason(sourceKind, reason)
        return switch kind {
        case .cancelled: .cancelled
        case .broken, .busy: .retry(after: retryAfter, reason: reason)
        case .unresolved, .unreachable: .unreachable(reason: reason)
        case .changed, .wrongContent: .wrongContent(file: file, reason: reason)
        case .noSuchKey: .giveUp(file: file, reason: reason)
        case .denied, .refused, .address, .file, .noSuchUpload: .giveUp(file: file, reason: reason)
        case .untrusted, .clockSkew, .noSuchBucket, .redirected, .unsupported: .giveUp(file: nil, reason: reason)
        }
    }
}

extension ObjectStoreError {
    /// What a policy makes of it. A store that refuses access or lacks the object is as good as HTTP's status for that.
    private var sourceKind: SourceReason.Kind {
        switch kind {
        case .unresolved: .unresolved(host: Self.store)
        case .unreachable: .unreachable(host: Self.store)
        case .denied: .status(403)
        case .noSuchBucket, .noSuchKey: .status(404)
        case .changed, .wrongContent: .wrongContent
        default: .other
        }
    }

    /// The reason's words name the host.
    private static let store = "the object store"
}

/// What a refusal means. Pure.
package struct Refusal {
    let status: Int
    let headers: HTTPHeaders
    /// The error in the body; nil if there is none, as with HEAD.
    let failure: S3Failure?
    let address: ObjectStoreAddress
    /// Nil for a request to the bucket itself.
    let key: String?
    /// Our time, in seconds since 1970.
    let now: Int64
    let settings: ObjectStoreSettings

    package init(
        status: Int, headers: HTTPHeaders, failure: S3Failure?, address: ObjectStoreAddress, key: String?, now: Int64,
        settings: ObjectStoreSettings
    ) {
        self.status = status
        self.headers = headers
        self.failure = failure
        self.address = address
        self.key = key
        self.now = now
        self.settings = settings
    }

    package var error: ObjectStoreError {
        let code = failure?.code ?? ""
        switch (status, code) {
        case (_, "NoSuchBucket"):
            return ObjectStoreError(.noSuchBucket, "\(host) has no bucket \(address.bucket); check name and region")
        case (_, "NoSuchUpload"), (_, "InvalidPart"):
            // A part that is not the one we sent was sent by another node, into the same upload.
            return ObjectStoreError(.noSuchUpload, "\(host) no longer knows the upload of \(object), or its parts")
        case (_, "RequestTimeTooSkewed"): return clockSkew
        case (403, _) where clockDifference != nil: return clockSkew
        case (_, "InvalidAccessKeyId"):
            return ObjectStoreError(.denied, "\(host) does not know the access key for bucket \(address.bucket)")
        case (_, "SignatureDoesNotMatch"):
            return ObjectStoreError(
                .denied,
                "\(host) refuses the signature for bucket \(address.bucket): the secret key is wrong, or the "
                    + "store wants another signature version than \(address.signature.rawValue)")
        case (_, "ExpiredToken"), (_, "InvalidToken"):
            return ObjectStoreError(
                .denied, "the temporary keys for bucket \(address.bucket) have expired: get new ones")
        case (400, "AuthorizationHeaderMalformed"), (_, "InvalidRegion"), (_, "AuthorizationQueryParametersError"):
            let region = failure?.region ?? ""
            return ObjectStoreError(
                .denied,
                "\(host) wants requests signed for another region than \(address.region)"
                    + (region.isEmpty ? "" : ": set the region \(region)"))
        case (301, _), (302, _), (303, _), (307, _), (308, _): return redirect
        case (404, _):
            return ObjectStoreError(
                .noSuchKey,
                key == nil
                    ? "\(host) does not have what was asked of bucket \(address.bucket)"
                    : "\(host) has no object \(object)")
        case (410, _): return ObjectStoreError(.noSuchKey, "\(host) no longer has \(object)")
        case (401, _), (403, _):
            return ObjectStoreError(
                .denied,
                address.credentials == nil
                    ? "\(host) wants keys for \(object)"
                    : "the keys for bucket \(address.bucket) do not allow this"
                        + explanation)
        case (412, _): return ObjectStoreError(.changed, "\(object) at \(host) has changed")
        case (416, _): return ObjectStoreError(.wrongContent, "\(object) at \(host) is shorter than it should be (416)")
        case (501, _): return ObjectStoreError(.unsupported, "\(host) does not support this" + explanation)
        case (429, _), (503, _), (509, _), (_, "SlowDown"), (_, "ServiceUnavailable"):
            let wait = headers.first(name: "retry-after").flatMap { RetryAfter.seconds($0, now: Double(now)) }
            return ObjectStoreError(
                .busy, "\(host) is busy (\(status))", retryAfter: wait.map { min($0, settings.longestRetryAfter) })
        case (408, _), (425, _), (500, _), (502, _), (504, _), (400, "RequestTimeout"), (409, "OperationAborted"),
            (400, "BadDigest"), (400, "IncompleteBody"), (400, "XAmzContentSHA256Mismatch"):
            return ObjectStoreError(.busy, "\(host) answers \(status)" + explanation)
        default: return ObjectStoreError(.refused, "\(host) refuses \(object) (\(status))" + explanation)
        }
    }

    private var host: String { address.place.host }
    private var object: String { key.map { "\(ShownName.escaped($0))" } ?? "bucket \(address.bucket)" }

    /// The store's own message, for errors without a text of ours.
    private var explanation: String {
        guard let failure, !failure.code.isEmpty else { return "" }
        let text = failure.message.isEmpty ? failure.code : "\(failure.code), \(failure.message)"
        return ": " + (address.credentials?.redacting(text) ?? text)
    }

    private var redirect: ObjectStoreError {
        var reason = "\(host) says that bucket \(address.bucket) is elsewhere"
        let region =
            failure.flatMap { $0.region.isEmpty ? nil : $0.region } ?? headers.first(name: "x-amz-bucket-region")
        if let region, region.utf8.count <= 64, region.utf8.allSatisfy(S3Region.isNameByte) {
            reason += ", in region \(region)"
        }
        if let target = headers.first(name: "location").flatMap(HTTPURL.init) { reason += ", at \(target.host)" }
        return ObjectStoreError(
            .redirected, reason + ": set its endpoint and region (signed requests follow no redirect)")
    }

    /// Seconds by which our clock is ahead of the store's, if that exceeds the tolerance.
    private var clockDifference: Int64? {
        guard address.credentials != nil, let date = headers.first(name: "date").flatMap(HTTPDate.unixTime) else {
            return nil
        }
        let (difference, overflow) = now.subtractingReportingOverflow(date)
        guard !overflow, difference != .min else { return nil }
        return abs(difference) > settings.clockTolerance ? difference : nil
    }

    private var clockSkew: ObjectStoreError {
        guard let difference = clockDifference else {
            return ObjectStoreError(
                .clockSkew, "\(host) refuses the time of the request: set this machine's clock (NTP)")
        }
        let minutes = abs(difference) / 60
        return ObjectStoreError(
            .clockSkew,
            "this machine's clock is \(minutes) minutes \(difference > 0 ? "ahead of" : "behind") that of \(host), "
                + "which refuses requests for it: set the clock (NTP)")
    }
}

/// Object names in messages: invisible characters are escaped, long names are shortened.
package enum ShownName {
    package static func escaped(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars.prefix(300) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
