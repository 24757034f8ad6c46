// YAML: configuration files as values, each with its place in the file.
//
// Purpose: one document, read within limits, for a table of settings. Must never: do I/O, follow an alias into more values than
// the limits allow, or show a value in an error: it may be a secret.

import JSON
import Settings
import Yams

/// How much one document may hold.
package struct YAMLLimits: Sendable {
    package var bytes = 1 << 20
    package var depth = 32
    /// Values, each alias counted as all that it stands for.
    package var values = 20_000

    package init() {}
}

/// Why a document cannot be read.
package struct YAMLProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let place: SettingPlace?
    /// Shows no value.
    package let reason: String

    package var description: String { (place.map { "\($0): " } ?? "") + reason }
}

package enum YAMLDocument {
    /// Reads a document whose whole is a mapping, or nothing.
    /// - Parameter file: its name, for the places.
    package static func read(
        _ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLProblem) -> SettingsSource {
        let start = SettingPlace(file: file, line: 1, column: 1)
        guard bytes.count <= limits.bytes else {
            throw YAMLProblem(place: start, reason: "it is longer than \(limits.bytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw YAMLProblem(place: start, reason: "it is no text in UTF-8")
        }
        if let line = AliasedKeys.line(in: bytes) {
            throw YAMLProblem(
                place: SettingPlace(file: file, line: line, column: 1),
                reason: "a file with aliases has no lists, mappings or aliases as keys")
        }
        let root: Node?
        do {
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw problem(error, file, start)
        }
        var conversion = NodeConversion(file: file, limits: limits)
        switch try root.map({ (node) throws(YAMLProblem) in try conversion.value(of: node) }) {
        case nil, .null: return SettingsSource(JSONObject())
        case .object(let object): return SettingsSource(object, places: conversion.places)
        default: throw YAMLProblem(place: start, reason: "it is a list or a text, and should be keys with values")
        }
    }

    private static func problem(_ error: any Error, _ file: String, _ start: SettingPlace) -> YAMLProblem {
        func at(_ mark: Mark) -> SettingPlace { SettingPlace(file: file, line: mark.line, column: mark.column) }
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            // "while scanning a simple key", "could not find expected ':'": the library's own words, without values.
            return YAMLProblem(
                place: at(mark), reason: [context?.text, problem].compactMap(\.self).joined(separator: ": "))
        case .composer(_, let problem, let mark, _): return YAMLProblem(place: at(mark), reason: problem)
        case .duplicatedKeysInMapping(let keys, let context):
            let name = keys.first.map { "the key '\($0.prefix(100))'" } ?? "a key"
            return YAMLProblem(place: at(context.mark), reason: "\(name) is there twice")
        case .reader(let problem, _, _, _): return YAMLProblem(place: start, reason: problem)
        case .memory: return YAMLProblem(place: start, reason: "it is nested too deeply")
        default: return YAMLProblem(place: start, reason: "it cannot be read")
        }
    }
}
