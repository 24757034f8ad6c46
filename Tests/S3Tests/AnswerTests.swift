import S3
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct `A listing` {
    private let page = """
        <?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>dcp</Name><Prefix>a</Prefix>
        <KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
        <Contents><Key>a%2Fb+c%2B%C3%A9</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
        <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size></Contents>
        <Contents><Key>a/z</Key><Size>0</Size><Owner><ID>1</ID></Owner></Contents>
        <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken></ListBucketResult>
        """

    @Test func `gives keys, sizes and where it goes on`() throws {
        let listing = try S3ObjectPage(bytes(page))
        #expect(
            listing.objects == [
                S3Object(
                    key: "a/b c+é", size: 434_234, entityTag: "fba9dede5f27731c9771645a39863328",
                    lastModified: 1_255_369_830),
                S3Object(key: "a/z", size: 0, entityTag: "", lastModified: nil),
            ])
        #expect(listing.next == .token("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM="))
    }

    @Test func `of version 1 goes on after its marker, or its last key`() throws {
        let start =
            "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>k%20</Key><Size>1</Size></Contents>"
        #expect(
            try S3ObjectPage(bytes(start + "<NextMarker>m</NextMarker></ListBucketResult>")).next == .marker("m"))
        // Unless it says so, nothing is encoded.
        #expect(try S3ObjectPage(bytes(start + "</ListBucketResult>")).next == .marker("k%20"))
        let last = start.replacing("true", with: "false")
        #expect(try S3ObjectPage(bytes(last + "<NextMarker>m</NextMarker></ListBucketResult>")).next == nil)
    }

    @Test(arguments: [
        "<Contents><Key>a</Key><Size>-1</Size></Contents>", "<Contents><Key>a</Key></Contents>",
        "<Contents><Key>a</Key><Size>99999999999999999999</Size></Contents>",
        "<Contents><Size>1</Size></Contents>", "<Contents><Key></Key><Size>1</Size></Contents>",
        "<EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents>",
        "<EncodingType>url</EncodingType><Contents><Key>%ff</Key><Size>1</Size></Contents>",
        "<IsTruncated>true</IsTruncated>",
    ]) func `with an impossible entry is refused`(entry: String) {
        #expect(throws: S3AnswerError.self) {
            try S3ObjectPage(bytes("<ListBucketResult>\(entry)</ListBucketResult>"))
        }
    }

    @Test func `survives any change of a byte`() {
        var generator = SystemRandomNumberGenerator()
        let original = bytes(page)
        for _ in 0..<2_000 {
            var changed = original
            changed[Int.random(in: 0..<changed.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = try? S3ObjectPage(changed)
            _ = try? S3ObjectPage(Array(original.prefix(Int.random(in: 0..<original.count, using: &generator))))
        }
    }
}

@Suite struct `Answers about uploads` {
    @Test func `are understood`() throws {
        let start =
            "<InitiateMultipartUploadResult><Key>k</Key><UploadId>VXBsb2Fk</UploadId></InitiateMultipartUploadResult>"
        #expect(try S3UploadStart(bytes(start)).upload == "VXBsb2Fk")
        let parts = """
            <ListPartsResult><NextPartNumberMarker>3</NextPartNumberMarker><IsTruncated>true</IsTruncated>
            <Part><PartNumber>2</PartNumber><ETag>"aa"</ETag><Size>10485760</Size></Part>
            <Part><PartNumber>3</PartNumber><ETag>"bb"</ETag><Size>7</Size></Part></ListPartsResult>
            """
        let page = try S3PartPage(bytes(parts))
        #expect(
            page.parts == [
                S3Part(number: 2, size: 10_485_760, entityTag: "aa"), S3Part(number: 3, size: 7, entityTag: "bb"),
            ])
        #expect(page.next == 3)
        let uploads = """
            <ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>
            <NextUploadIdMarker>u</NextUploadIdMarker><Upload><Key>k</Key><UploadId>u</UploadId>
            <Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload></ListMultipartUploadsResult>
            """
        let list = try S3UploadPage(bytes(uploads))
        #expect(list.uploads == [S3Upload(key: "k", id: "u", initiated: 1_289_422_113)])
        #expect(list.next == S3UploadMarker(key: "k", upload: "u"))
        let end =
            "<CompleteMultipartUploadResult><ETag>&#34;3858f62230ac3c915f300c664312c11f-9&#34;</ETag>"
            + "</CompleteMultipartUploadResult>"
        #expect(try S3UploadEnd(bytes(end)) == .completed(entityTag: "3858f62230ac3c915f300c664312c11f-9"))
    }

    @Test func `may say in the body that completing failed`() throws {
        let error = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
        #expect(
            try S3UploadEnd(bytes(error))
                == .failed(S3Failure(code: "InternalError", message: "We encountered an internal error.")))
        #expect(throws: S3AnswerError.self) { try S3UploadEnd(bytes("<html></html>")) }
    }

    @Test(arguments: ["0", "10001", "-1", "x", ""]) func `with a part of an impossible number are refused`(
        number: String
    ) {
        let text =
            "<ListPartsResult><Part><PartNumber>\(number)</PartNumber><ETag>a</ETag><Size>1</Size></Part>"
            + "</ListPartsResult>"
        #expect(throws: S3AnswerError.self) { try S3PartPage(bytes(text)) }
    }
}

@Suite struct `An error of a store` {
    @Test func `has its code, its message and the region`() throws {
        let failure = try #require(
            S3Failure(
                bytes(
                    "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message>"
                        + "<Region>eu-west-1</Region><AWSAccessKeyId>AK</AWSAccessKeyId></Error>")))
        #expect(failure == S3Failure(code: "AuthorizationHeaderMalformed", message: "wrong", region: "eu-west-1"))
    }

    @Test func `shows no control characters and not much of anything`() {
        let failure = S3Failure(
            code: "a\nb", message: "\u{1b}[31m" + String(repeating: "é", count: 1_000), region: "x y")
        #expect(failure.code.isEmpty && failure.region.isEmpty)
        #expect(failure.message.utf8.count == 200 && failure.message.utf8.allSatisfy { (0x20...0x7e).contains($0) })
    }

    @Test func `is nothing where it is no XML`() {
        #expect(S3Failure(bytes("busy")) == nil)
        #expect(S3Failure(bytes("<html/>")) == nil)
        #expect(S3Failure([]) == nil)
    }
}

@Suite struct `Hostile XML` {
    private func error(_ text: String, limits: S3Limits = S3Limits()) -> S3AnswerError? {
        do {
            _ = try AnswerReader.read(bytes(text), limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
        "<a><!ENTITY x \"y\"></a>", "<!doctype html><html/>", "<a/><!DOCTYPE a>",
        "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]><l>&c;</l>",
    ]) func `with a document type is refused before it is parsed`(text: String) {
        #expect(error(text) == .documentType)
    }

    @Test func `in another encoding is refused, since a declaration could hide in it`() {
        #expect(error("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>") == .notXML)
        #expect(error("<?xml version='1.0' encoding = 'ISO-8859-1'?><a/>") == .notXML)
        let wide = Array("<!DOCTYPE a><a/>".utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(throws: S3AnswerError.notXML) { try AnswerReader.read([0xff, 0xfe] + wide, limits: S3Limits()) }
        #expect(throws: S3AnswerError.notXML) { try AnswerReader.read(wide, limits: S3Limits()) }
        #expect(error("<?xml version=\"1.0\" encoding=\"utf-8\"?><a/>") == nil)
    }

    /// Foundation's parser, which once stood here, crashed on the ones without text.
    @Test(arguments: [
        "<?target?><Error/>", "<?xml?><Error/>", "<?xml-stylesheet href=\"x\"?><Error/>", "<Error><?a?></Error>",
        "<?xml version=\"1.0\"?><?b?><Error/>", "<Error/><?c?>", "\u{feff}<?d?><Error/>",
    ])
    func `with an instruction is refused before it is parsed`(text: String) { #expect(error(text) == .notXML) }

    @Test(arguments: ["<?xml version=\"1.0\"?><a/>", "\u{feff}<?xml\n version='1.0'?><a/>", "<a/>"])
    func `may begin with a declaration`(text: String) { #expect(error(text) == nil) }

    @Test func `with entities that nobody declared is refused`() { #expect(error("<a>&x;</a>") == .notXML) }

    @Test(arguments: [
        "", " ", "x", "<a>", "<a></b>", "<a", "<a b=c/>", "<a>\u{1}</a>", "<a/><b/>", "<a/>x", "x<a/>", "<a></a",
        "</a>",
        "<a b='<'/>", "<a b='1'c='2'/>", "<1/>", "<a>&</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#+65;</a>",
        "<a>&#;</a>",
        "<a>&#x1;</a>", "<a>&amp</a>", "<a><!-- </a>", "<a><![CDATA[ </a>", "<![CDATA[x]]><a/>", "<a / >", "< a/>",
        "<?xml version='1.0'", "<a>\0</a>",
    ])
    func `that is no XML is refused`(text: String) { #expect(error(text) == .notXML) }

    @Test func `is bounded in length, depth, elements and text`() {
        var limits = S3Limits()
        limits.answerBytes = 1_000
        #expect(error("<a>" + String(repeating: " ", count: 1_000) + "</a>", limits: limits) == .tooLarge)
        #expect(
            error(String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17)) == .tooLarge)
        #expect(error(String(repeating: "<a>", count: 100_000)) == .tooLarge)
        limits = S3Limits()
        limits.elements = 10
        #expect(error("<a>" + String(repeating: "<b/>", count: 10) + "</a>", limits: limits) == .tooLarge)
        #expect(error("<a>" + String(repeating: "<b/>", count: 9) + "</a>", limits: limits) == nil)
        #expect(error("<a>" + String(repeating: "x", count: 5_000) + "</a>") == .tooLarge)
    }

    @Test func `may be written with a line for each element, however many there are`() throws {
        let entry = "\r\n    <Key> </Key>"
        let root = try AnswerReader.read(
            bytes("<a>" + String(repeating: entry, count: 2_000) + "\r\n</a>"), limits: S3Limits())
        #expect(root.all("Key").map(\.text) == Array(repeating: " ", count: 2_000))
    }

    @Test func `may have comments, CDATA, namespaces and character references`() throws {
        let root = try AnswerReader.read(
            bytes("<s:a xmlns:s=\"u\"><!-- no --><s:Key><![CDATA[x<]]>&#x26;&amp;y</s:Key></s:a>"), limits: S3Limits())
        #expect(root.name == "a")
        #expect(root["Key"] == "x<&&y")
    }
}
