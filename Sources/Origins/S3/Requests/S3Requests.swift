// The requests, after the S3 API reference (2006-03-01).

extension S3Request {
    /// Maximum number of entries in a page.
    package static let largestPage = 1_000

    /// Lists a page of keys under a prefix (ListObjectsV2).
    /// - Parameter token: continuation token of the previous page.
    package static func list(prefix: String, token: String? = nil, pageSize: Int = largestPage) -> S3Request {
        var query = [
            S3QueryItem("list-type", "2"), S3QueryItem("prefix", prefix), S3QueryItem("max-keys", String(pageSize)),
            S3QueryItem("encoding-type", "url"),
        ]
        if let token { query.append(S3QueryItem("continuation-token", token)) }
        return S3Request(.get, query: query)
    }

    /// Lists a page of keys after a marker (ListObjects, for stores without version 2).
    package static func list(prefix: String, after marker: String, pageSize: Int = largestPage) -> S3Request {
        S3Request(
            .get,
            query: [
                S3QueryItem("prefix", prefix), S3QueryItem("max-keys", String(pageSize)),
                S3QueryItem("encoding-type", "url"), S3QueryItem("marker", marker),
            ])
    }

    /// Length, entity tag and metadata of an object.
    package static func head(key: String) -> S3Request { S3Request(.head, key: key) }

    /// An object, or a range of it.
    package static func get(key: String, bytes: Range<Int64>? = nil) -> S3Request {
        var request = S3Request(.get, key: key)
        if let bytes, !bytes.isEmpty {
            request.headers.append(S3Header("Range", "bytes=\(bytes.lowerBound)-\(bytes.upperBound - 1)"))
        }
        return request
    }

    /// Stores an object in one request.
    /// - Parameter contentMD5: Base64 of the body's MD5, which the store verifies.
    package static func put(
        key: String, length: Int64, sha256: String?, contentMD5: String?, metadata: [S3Header] = []
    ) -> S3Request {
        var request = S3Request(.put, key: key, headers: metadata)
        request.headers.append(S3Header("Content-Type", "application/octet-stream"))
        if let contentMD5 { request.headers.append(S3Header("Content-MD5", contentMD5)) }
        request.body = .stream(length: length, sha256: sha256)
        return request
    }

    package static func delete(key: String) -> S3Request { S3Request(.delete, key: key) }

    /// Begins a multipart upload.
    package static func createUpload(key: String, metadata: [S3Header] = []) -> S3Request {
        S3Request(
            .post, key: key, query: [S3QueryItem("uploads")],
            headers: metadata + [S3Header("Content-Type", "application/octet-stream")])
    }

    /// Sends one part of an upload. A part that is sent again replaces the earlier one.
    package static func uploadPart(
        key: String, upload: String, number: Int, length: Int64, sha256: String?, contentMD5: String?
    ) -> S3Request {
        var request = S3Request(
            .put, key: key, query: [S3QueryItem("partNumber", String(number)), S3QueryItem("uploadId", upload)])
        if let contentMD5 { request.headers.append(S3Header("Content-MD5", contentMD5)) }
        request.body = .stream(length: length, sha256: sha256)
        return request
    }

    /// Lists a page of the parts of an upload.
    package static func listParts(key: String, upload: String, after marker: Int = 0) -> S3Request {
        var query = [S3QueryItem("uploadId", upload), S3QueryItem("max-parts", String(largestPage))]
        if marker > 0 { query.append(S3QueryItem("part-number-marker", String(marker))) }
        return S3Request(.get, key: key, query: query)
    }

    /// Completes an object from its parts.
    package static func completeUpload(key: String, upload: String, parts: [S3Part]) -> S3Request {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for part in parts {
            text +=
                "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(XMLText.escaped(part.entityTag))</ETag></Part>"
        }
        text += "</CompleteMultipartUpload>"
        var request = S3Request(.post, key: key, query: [S3QueryItem("uploadId", upload)])
        request.headers.append(S3Header("Content-Type", "application/xml"))
        request.body = .bytes(Array(text.utf8))
        return request
    }

    /// Aborts an upload and deletes its parts.
    package static func abortUpload(key: String, upload: String) -> S3Request {
        S3Request(.delete, key: key, query: [S3QueryItem("uploadId", upload)])
    }

    /// Lists a page of the unfinished uploads under a prefix.
    package static func listUploads(prefix: String, after marker: S3UploadMarker? = nil) -> S3Request {
        var query = [
            S3QueryItem("uploads"), S3QueryItem("prefix", prefix), S3QueryItem("max-uploads", String(largestPage)),
            S3QueryItem("encoding-type", "url"),
        ]
        if let marker {
            query.append(S3QueryItem("key-marker", marker.key))
            if let upload = marker.upload { query.append(S3QueryItem("upload-id-marker", upload)) }
        }
        return S3Request(.get, query: query)
    }
}

/// Escaping for XML.
enum XMLText {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
