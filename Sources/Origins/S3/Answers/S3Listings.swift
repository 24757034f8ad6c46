import Text

/// An object in a listing.
package struct S3Object: Sendable, Hashable {
    /// Untrusted: check it before it becomes a path. Compare keys as bytes, because Swift strings compare by canonical
    /// equivalence.
    package let key: String
    /// In bytes, 0 or more.
    package let size: Int64
    /// Without quotes; empty if the store sends none.
    package let entityTag: String
    /// Seconds since 1970; nil if the store sends none.
    package let lastModified: Int64?

    package init(key: String, size: Int64, entityTag: String, lastModified: Int64?) {
        self.key = key
        self.size = size
        self.entityTag = entityTag
        self.lastModified = lastModified
    }
}

/// A page of a listing.
package struct S3ObjectPage: Sendable, Hashable {
    package enum Next: Sendable, Hashable {
        case token(String)
        /// The store answered with the format of version 1.
        case marker(String)
    }

    package let objects: [S3Object]
    /// The start of the next page; nil after the last.
    package let next: Next?

    /// Parses the response to `S3Request.list`, of either version.
    package init(_ bytes: [UInt8], limits: S3Limits = S3Limits()) throws(S3AnswerError) {
        let root = try AnswerReader.read(bytes, limits: limits)
        guard root.name == "ListBucketResult" else { throw .unexpected("no listing") }
        let isEncoded = root["EncodingType"] == "url"
        var objects: [S3Object] = []
        for entry in root.all("Contents") {
            guard let key = entry["Key"].flatMap({ isEncoded ? PercentEncoding.decode($0, plusIsSpace: true) : $0 }),
                !key.isEmpty
            else {
                throw .unexpected("a listed object has no key")
            }
            guard let size = entry["Size"].flatMap(S3Number.parse) else {
                throw .unexpected("a listed object has no size")
            }
            objects.append(
                S3Object(
                    key: key, size: size, entityTag: S3EntityTag.unquoted(entry["ETag"] ?? ""),
                    lastModified: entry["LastModified"].flatMap { S3Timestamp(iso8601: $0)?.unixTime }))
        }
        self.objects = objects
        guard root["IsTruncated"] == "true" else {
            next = nil
            return
        }
        if let token = root["NextContinuationToken"], !token.isEmpty {
            next = .token(token)
        } else if let marker = root["NextMarker"].flatMap({
            isEncoded ? PercentEncoding.decode($0, plusIsSpace: true) : $0
        }),
            !marker.isEmpty
        {
            next = .marker(marker)
        } else if let last = objects.last {
            next = .marker(last.key)
        } else {
            throw .unexpected("a listing goes on, and does not say where")
        }
    }
}

/// A part of a multipart upload.
package struct S3Part: Sendable, Hashable {
    /// 1 to 10,000.
    package let number: Int
    /// In bytes; nil if unknown.
    package let size: Int64?
    /// Without quotes.
    package let entityTag: String

    /// Part numbers range from 1 to this.
    package static let most = 10_000

    package init(number: Int, size: Int64?, entityTag: String) {
        self.number = number
        self.size = size
        self.entityTag = S3EntityTag.unquoted(entityTag)
    }
}

/// A page of the parts of an upload.
package struct S3PartPage: Sendable, Hashable {
    package let parts: [S3Part]
    /// The number after which the next page begins; nil after the last.
    package let next: Int?

    package init(_ bytes: [UInt8], limits: S3Limits = S3Limits()) throws(S3AnswerError) {
        let root = try AnswerReader.read(bytes, limits: limits)
        guard root.name == "ListPartsResult" else { throw .unexpected("no list of parts") }
        var parts: [S3Part] = []
        for entry in root.all("Part") {
            guard let number = entry["PartNumber"].flatMap(S3Number.parse), (1...Int64(S3Part.most)) ~= number,
                let size = entry["Size"].flatMap(S3Number.parse), let tag = entry["ETag"]
            else { throw .unexpected("a part has no number, size or entity tag") }
            parts.append(S3Part(number: Int(number), size: size, entityTag: tag))
        }
        self.parts = parts
        guard root["IsTruncated"] == "true" else {
            next = nil
            return
        }
        guard let marker = root["NextPartNumberMarker"].flatMap(S3Number.parse) ?? parts.last.map({ Int64($0.number) }),
            marker <= Int64(S3Part.most)
        else { throw .unexpected("a list of parts goes on, and does not say where") }
        next = Int(marker)
    }
}

/// A multipart upload that was begun and neither completed nor aborted.
package struct S3Upload: Sendable, Hashable {
    package let key: String
    package let id: String
    /// Seconds since 1970; nil if the store sends none.
    package let initiated: Int64?

    package init(key: String, id: String, initiated: Int64?) {
        self.key = key
        self.id = id
        self.initiated = initiated
    }
}

/// The position at which a listing of uploads continues.
package struct S3UploadMarker: Sendable, Hashable {
    package let key: String
    package let upload: String?

    package init(key: String, upload: String?) {
        self.key = key
        self.upload = upload
    }
}

/// A page of the uploads under a prefix.
package struct S3UploadPage: Sendable, Hashable {
    package let uploads: [S3Upload]
    package let next: S3UploadMarker?

    package init(_ bytes: [UInt8], limits: S3Limits = S3Limits()) throws(S3AnswerError) {
        let root = try AnswerReader.read(bytes, limits: limits)
        guard root.name == "ListMultipartUploadsResult" else { throw .unexpected("no list of uploads") }
        let isEncoded = root["EncodingType"] == "url"
        func decoded(_ text: String?) -> String? {
            text.flatMap { isEncoded ? PercentEncoding.decode($0, plusIsSpace: true) : $0 }
        }
        var uploads: [S3Upload] = []
        for entry in root.all("Upload") {
            guard let key = decoded(entry["Key"]), let id = entry["UploadId"], !id.isEmpty else {
                throw .unexpected("an upload has no key or id")
            }
            uploads.append(
                S3Upload(
                    key: key, id: id, initiated: entry["Initiated"].flatMap { S3Timestamp(iso8601: $0)?.unixTime }))
        }
        self.uploads = uploads
        guard root["IsTruncated"] == "true" else {
            next = nil
            return
        }
        if let key = decoded(root["NextKeyMarker"]), !key.isEmpty {
            next = S3UploadMarker(key: key, upload: root["NextUploadIdMarker"].flatMap { $0.isEmpty ? nil : $0 })
        } else if let last = uploads.last {
            next = S3UploadMarker(key: last.key, upload: last.id)
        } else {
            throw .unexpected("a list of uploads goes on, and does not say where")
        }
    }
}
