import HTTPTransport
import S3
import Text

/// A bucket, with its endpoint and credentials. The description shows the endpoint and no keys.
package struct ObjectStoreAddress: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    package let place: S3Place
    /// Nil for a public bucket.
    package let credentials: S3Credentials?

    package var bucket: String { place.bucket }
    package var region: String { place.region }
    package var style: S3Style { place.style }
    package var signature: S3SignatureVersion { place.signature }
    /// The endpoint without the bucket, with its scheme.
    package var endpoint: String { "\(place.isSecure ? "https" : "http")://\(place.authority)" }

    /// - Parameters:
    ///   - endpoint: `https://HOST[:PORT]`, `http://HOST[:PORT]`, or without a scheme, which means https. A host that
    ///     begins with the bucket (as some consoles show it) selects virtual-host style.
    ///   - region: nil derives it from the host name; `us-east-1` if the host name contains none.
    ///   - style: nil selects virtual-host style for the clouds that need it, and path style for all others.
    /// - Throws: `ObjectStoreError` of the kind `.address`.
    package init(
        endpoint: String, bucket: String, region: String? = nil, style: S3Style? = nil,
        signature: S3SignatureVersion = .v4, credentials: S3Credentials?
    ) throws(ObjectStoreError) {
        let text = endpoint.contains("://") ? endpoint : "https://" + endpoint
        guard let url = HTTPURL(text), url.path == "/", url.query.isEmpty, !text.hasSuffix("//"), !text.contains("#")
        else {
            throw ObjectStoreError(
                .address, "an object store's endpoint is written HOST, HOST:PORT or https://HOST, with no path")
        }
        guard S3Name.isBucket(bucket) else {
            throw ObjectStoreError(.address, S3RequestError.badBucket(bucket).description)
        }
        var authority = url.authority
        var host = url.host
        var style = style
        let prefix = bucket.lowercased() + "."
        if style != .path, host.hasPrefix(prefix), S3Name.isHostLabel(bucket),
            host.dropFirst(prefix.count).contains(".")
        {
            authority = String(authority.dropFirst(prefix.count))
            host = String(host.dropFirst(prefix.count))
            style = .virtualHost
        }
        if let region, !(1...64).contains(region.utf8.count) || !region.utf8.allSatisfy(S3Region.isNameByte) {
            throw ObjectStoreError(.address, "a region's name has up to 64 letters, digits and hyphens")
        }
        let known = S3Region(host: host)
        do {
            place = try S3Place(
                isSecure: url.isSecure, authority: authority, bucket: bucket,
                region: region ?? known?.name ?? "us-east-1",
                style: style ?? (known != nil && S3Name.isHostLabel(bucket) ? .virtualHost : .path),
                signature: signature)
        } catch {
            throw ObjectStoreError(.address, error.description)
        }
        self.credentials = credentials
    }

    package var description: String { "bucket \(bucket) at \(endpoint)" }
    package var debugDescription: String { description }
}

/// The cloud and region that a host name reveals.
struct S3Region {
    let name: String

    /// Nil for a host of an unknown cloud.
    init?(host: String) {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if host.hasSuffix(".myhuaweicloud.com") || host.hasSuffix(".otc.t-systems.com") {
            // obs.cn-north-4.myhuaweicloud.com
            guard labels.count >= 4, labels[0] == "obs" else { return nil }
            name = labels[1]
        } else if host.hasSuffix(".amazonaws.com") || host.hasSuffix(".amazonaws.com.cn") {
            // s3.eu-west-1.amazonaws.com, s3-eu-west-1.amazonaws.com, s3.amazonaws.com
            if labels[0] == "s3" {
                name = labels[1] == "amazonaws" ? "us-east-1" : labels[1] == "dualstack" ? labels[2] : labels[1]
            } else {
                guard labels[0].hasPrefix("s3-") else { return nil }
                name = String(labels[0].dropFirst(3))
            }
        } else if host.hasSuffix(".aliyuncs.com"), labels[0].hasPrefix("oss-") {
            // oss-cn-hangzhou.aliyuncs.com
            name = labels[0]
        } else if host.hasSuffix(".myqcloud.com"), labels.count >= 4, labels[0] == "cos" {
            name = labels[1]
        } else {
            return nil
        }
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d: true
        default: false
        }
    }
}

/// A location in a bucket as task files write it: `obs://BUCKET/PREFIX` (or `s3://`).
package struct ObjectLocation: Sendable, Hashable, CustomStringConvertible {
    package let bucket: String
    /// Without slashes at its ends; empty for the whole bucket.
    package let prefix: String

    /// Nil for another scheme, an invalid bucket name, and an invalid prefix.
    package init?(_ text: String) {
        guard let scheme = ["obs://", "s3://"].first(where: { text.lowercased().hasPrefix($0) }) else { return nil }
        let parts = text.dropFirst(scheme.count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bucket = parts.first.map(String.init), S3Name.isBucket(bucket) else { return nil }
        var rest = parts.count > 1 ? parts[1] : ""
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        if !rest.isEmpty {
            guard !rest.hasPrefix("/"), (try? S3Name.checkKey(String(rest))) != nil else { return nil }
        }
        self.bucket = bucket
        prefix = String(rest)
    }

    /// The key of an object below this location.
    package func key(_ path: String) -> String { prefix.isEmpty ? path : "\(prefix)/\(path)" }

    package var description: String { prefix.isEmpty ? "obs://\(bucket)" : "obs://\(bucket)/\(prefix)" }
}
