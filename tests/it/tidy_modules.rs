//! The module graph of every crate: no cycle is larger than a parent with its children, and no
//! folder is crowded.
//!
//! An arrow goes from a module to each module that its code names, in `use` trees and in paths,
//! macros included. Unit tests are left out: they use everything, and their arrows are not shipped.
//! A declaration (`mod child;`) is not an arrow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use tests::repository;

/// The remaining cycles by crate: the number of modules in each, largest first. Their number may
/// only decrease.
const LEFT: [(&str, &[usize]); 3] = [
    ("console/app", &[21, 21, 16, 14, 2]),
    ("console/engine", &[12, 11, 6, 2, 2, 2, 2, 2]),
    ("runtime", &[4, 2, 2]),
];

/// The crates whose folders have at most [`ENTRIES`] entries, snapshots aside.
const NEAT: [&str; 6] =
    ["console/app", "console/engine", "console/local", "console/model", "runtime", "tests"];
/// Maximum number of entries in a folder.
const ENTRIES: usize = 20;

/// The path of a module in its crate; empty for the root.
type Module = Vec<String>;
/// The modules that each module names.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// Directories of the workspace that hold a crate, by their path below the root.
fn crates(below: &Path, found: &mut Vec<PathBuf>) {
    if below.join("Cargo.toml").is_file() && below.join("src").is_dir() {
        found.push(below.to_owned());
    }
    for entry in fs::read_dir(below).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name();
        if entry.path().is_dir()
            && !["target", "src"].iter().any(|other| name == *other)
            && !is_hidden(&entry.path())
        {
            crates(&entry.path(), found);
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The source of each module below `src`.
fn modules(src: &Path, folder: &Path, found: &mut BTreeMap<Module, TokenStream>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            modules(src, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(src).unwrap().with_extension("");
            let mut module: Module =
                name.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module == ["lib"] || module == ["main"] {
                module.clear();
            }
            let tokens = fs::read_to_string(&path)
                .unwrap()
                .parse()
                .unwrap_or_else(|_| panic!("{}", path.display()));
            // A crate with a library and a program has both at its root.
            found.entry(module).or_default().extend::<TokenStream>(tokens);
        }
    }
}

/// The arrows of a crate.
fn graph(sources: &BTreeMap<Module, TokenStream>) -> Graph {
    let mut tests = BTreeSet::new();
    let mut named = BTreeMap::new();
    for (module, tokens) in sources {
        let mut reader = Reader { paths: Vec::new(), inline: Vec::new(), tests: Vec::new() };
        reader.read(tokens.clone());
        tests.extend(reader.tests.into_iter().map(|test| [module.clone(), test].concat()));
        named.insert(module.clone(), reader.paths);
    }
    let is_test = |module: &Module| tests.iter().any(|test| module.starts_with(test));
    let mut graph = Graph::new();
    for (module, paths) in named.into_iter().filter(|(module, _)| !is_test(module)) {
        let mut targets = BTreeSet::new();
        for (inline, path) in paths {
            let Some(path) = resolve(&module, &inline, &path, sources) else { continue };
            let target = (0..=path.len())
                .rev()
                .map(|end| path[..end].to_vec())
                .find(|part| sources.contains_key(part));
            targets.extend(target.filter(|target| *target != module && !is_test(target)));
        }
        graph.insert(module, targets);
    }
    graph
}

/// A path from the crate's root; `None` if it is of another crate or local.
fn resolve(
    module: &Module,
    inline: &[String],
    path: &[String],
    sources: &BTreeMap<Module, TokenStream>,
) -> Option<Module> {
    let mut here = [module.as_slice(), inline].concat();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([here.as_slice(), &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            here.truncate(here.len().checked_sub(ups)?);
            Some([here.as_slice(), &path[ups..]].concat())
        }
        first => {
            here.push(first.to_owned());
            sources.contains_key(&here).then(|| [here.as_slice(), &path[1..]].concat())
        }
    }
}

/// Reads the paths in the code of a file, without its unit tests.
struct Reader {
    /// Paths, each with the inline modules around it.
    paths: Vec<(Vec<String>, Vec<String>)>,
    inline: Vec<String>,
    /// The modules that are declared for tests only.
    tests: Vec<Module>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.step(&tokens, at);
        }
    }

    /// Reads the item at `at`. Returns the start of the next item.
    fn step(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        match &tokens[at] {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                match group(tokens, at + 1, Delimiter::Bracket) {
                    Some(attribute) if is_test(attribute) => self.skip(tokens, at + 2),
                    _ => at + 1,
                }
            }
            // Not `impl Trait + use<'a>`.
            TokenTree::Ident(word) if word == "use" && !is(tokens, at + 1, '<') => {
                let end =
                    (at..tokens.len()).find(|end| is(tokens, *end, ';')).unwrap_or(tokens.len());
                self.tree(&tokens[at + 1..end], &[]);
                end + 1
            }
            TokenTree::Ident(word) if word == "mod" => {
                match (tokens.get(at + 1), group(tokens, at + 2, Delimiter::Brace)) {
                    (Some(TokenTree::Ident(name)), Some(body)) => {
                        self.inline.push(name.to_string());
                        self.read(body.stream());
                        self.inline.pop();
                        at + 3
                    }
                    _ => at + 1,
                }
            }
            TokenTree::Ident(word) if word == "pub" => {
                match group(tokens, at + 1, Delimiter::Parenthesis) {
                    // `pub(in path)` sets a visibility and uses nothing.
                    Some(rights) if starts_with_in(rights) => at + 2,
                    _ => at + 1,
                }
            }
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                let mut next = at + 1;
                while is(tokens, next, ':') && is(tokens, next + 1, ':') {
                    let Some(TokenTree::Ident(part)) = tokens.get(next + 2) else { break };
                    path.push(part.to_string());
                    next += 3;
                }
                // `::name::…` names another crate.
                if path.len() > 1 && !(at > 1 && is(tokens, at - 1, ':') && is(tokens, at - 2, ':'))
                {
                    self.paths.push((self.inline.clone(), path));
                }
                next
            }
            TokenTree::Group(group) => {
                self.read(group.stream());
                at + 1
            }
            _ => at + 1,
        }
    }

    /// Reads a `use` tree below `prefix`.
    fn tree(&mut self, tokens: &[TokenTree], prefix: &[String]) {
        let is_comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
        for branch in tokens.split(is_comma) {
            let mut path = prefix.to_vec();
            let mut is_leaf = true;
            // `::name` names another crate, and there may be a comma after the last branch.
            if branch.is_empty() || is(branch, 0, ':') {
                continue;
            }
            for token in branch {
                match token {
                    TokenTree::Ident(word) if word == "as" => break,
                    TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.tree(&inner, &path);
                        is_leaf = false;
                    }
                    _ => {}
                }
            }
            if is_leaf && !path.is_empty() {
                self.paths.push((self.inline.clone(), path));
            }
        }
    }

    /// Skips an item that is for tests only. Returns the start of the next item.
    fn skip(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let end = item_end(tokens, at);
        for at in at..end {
            if let (TokenTree::Ident(word), Some(name)) = (&tokens[at], tokens.get(at + 1))
                && word == "mod"
            {
                self.tests.push([self.inline.as_slice(), &[name.to_string()]].concat());
            }
        }
        end
    }
}

/// End of the item, the field or the arm that begins at `at`, with its attributes.
pub(crate) fn item_end(tokens: &[TokenTree], mut at: usize) -> usize {
    const ITEMS: [&str; 13] = [
        "async", "const", "enum", "extern", "fn", "impl", "mod", "pub", "static", "struct",
        "trait", "type", "use",
    ];
    while is(tokens, at, '#') {
        at += 2;
    }
    let is_item = match tokens.get(at) {
        Some(TokenTree::Ident(word)) => ITEMS.contains(&word.to_string().as_str()),
        _ => false,
    };
    let mut is_use = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "use" => is_use = true,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !is_use => {
                return at + 1;
            }
            TokenTree::Punct(sign) if sign.as_char() == ';' => return at + 1,
            TokenTree::Punct(sign) if sign.as_char() == ',' && !is_item => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

fn is(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.as_char() == wanted)
}

pub(crate) fn group(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<&Group> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Returns `true` if an attribute excludes its item from the shipped code: `cfg(test)`,
/// `cfg(all(test, …))`, `test`.
pub(crate) fn is_test(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text.starts_with("cfg(test")
        || text.starts_with("cfg(all(test")
        || text == "test"
        || text == "tokio::test"
}

fn starts_with_in(group: &Group) -> bool {
    group.stream().into_iter().next().is_some_and(|token| token.to_string() == "in")
}

/// The strongly connected components of more than one module (Tarjan's algorithm).
fn components(graph: &Graph) -> Vec<Vec<Module>> {
    #[derive(Default)]
    struct Search<'a> {
        order: BTreeMap<&'a Module, usize>,
        low: BTreeMap<&'a Module, usize>,
        open: Vec<&'a Module>,
        found: Vec<Vec<Module>>,
    }
    fn visit<'a>(graph: &'a Graph, module: &'a Module, search: &mut Search<'a>) {
        let number = search.order.len();
        search.order.insert(module, number);
        search.low.insert(module, number);
        search.open.push(module);
        for target in graph.get(module).into_iter().flatten() {
            if !search.order.contains_key(target) {
                visit(graph, target, search);
                let low = search.low[module].min(search.low[target]);
                search.low.insert(module, low);
            } else if search.open.contains(&target) {
                let low = search.low[module].min(search.order[target]);
                search.low.insert(module, low);
            }
        }
        if search.low[module] == number {
            let start = search.open.iter().position(|other| *other == module).unwrap();
            let component: Vec<Module> =
                search.open.split_off(start).into_iter().cloned().collect();
            if component.len() > 1 {
                search.found.push(component);
            }
        }
    }
    let mut search = Search::default();
    for module in graph.keys() {
        if !search.order.contains_key(module) {
            visit(graph, module, &mut search);
        }
    }
    search.found
}

/// Returns `true` if these are one module and children of it.
fn is_family(component: &[Module]) -> bool {
    let parent = component.iter().min_by_key(|module| module.len()).unwrap();
    component.iter().all(|module| {
        module == parent || module.split_last().is_some_and(|(_, above)| above == parent)
    })
}

/// The cycles that are larger than a parent with its children, and those of siblings among
/// themselves; largest first.
fn cycles(graph: &Graph) -> Vec<Vec<Module>> {
    let mut found: Vec<Vec<Module>> =
        components(graph).into_iter().filter(|cycle| !is_family(cycle)).collect();
    let without_parents = graph.iter().map(|(module, targets)| {
        let parent = module.split_last().map(|(_, above)| above);
        let targets =
            targets.iter().filter(|target| Some(target.as_slice()) != parent).cloned().collect();
        (module.clone(), targets)
    });
    let is_within =
        |inner: &[Module], outer: &[Module]| inner.iter().all(|module| outer.contains(module));
    for siblings in components(&without_parents.collect()) {
        if !found.iter().any(|cycle| is_within(&siblings, cycle)) {
            found.push(siblings);
        }
    }
    for cycle in &mut found {
        cycle.sort();
    }
    found.sort_by_key(|cycle| (std::cmp::Reverse(cycle.len()), cycle.clone()));
    found
}

fn words(cycle: &[Module]) -> String {
    let names = cycle
        .iter()
        .map(|module| if module.is_empty() { "crate".to_owned() } else { module.join("::") });
    format!("{} modules: {}", cycle.len(), names.collect::<Vec<_>>().join(", "))
}

#[test]
fn no_cycle_of_modules_is_larger_than_a_parent_with_its_children() {
    let mut found = Vec::new();
    crates(&repository(), &mut found);
    assert!(found.len() > 5, "{found:?}");
    let mut wrong = Vec::new();
    for package in found {
        let name = package.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
        let mut sources = BTreeMap::new();
        modules(&package.join("src"), &package.join("src"), &mut sources);
        let cycles = cycles(&graph(&sources));
        let sizes: Vec<usize> = cycles.iter().map(Vec::len).collect();
        let left =
            LEFT.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, sizes)| sizes);
        if sizes != left {
            let cycles: Vec<String> = cycles.iter().map(|cycle| words(cycle)).collect();
            wrong.push(format!(
                "{name}: cycles of {sizes:?} modules, not {left:?}\n  {}",
                cycles.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn folders_are_not_crowded() {
    fn check(folder: &Path) {
        let entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(entries.len() <= ENTRIES, "{}: {} entries", folder.display(), entries.len());
        entries
            .iter()
            .filter(|path| path.is_dir() && !path.ends_with("snapshots"))
            .for_each(|path| check(path));
    }
    for package in NEAT {
        check(&repository().join(package));
    }
}

/// The graph of sources that are given as `(module, code)`.
fn graph_of(sources: &[(&str, &str)]) -> Graph {
    let module =
        |name: &str| name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    graph(&sources.iter().map(|(name, code)| (module(name), code.parse().unwrap())).collect())
}

fn sizes(sources: &[(&str, &str)]) -> Vec<usize> {
    cycles(&graph_of(sources)).iter().map(Vec::len).collect()
}

#[test]
fn a_parent_with_its_children_is_no_cycle_and_siblings_are_one() {
    let (a, x, y) =
        ("mod x; mod y; use x::X; fn f() { y::g() }", "use super::Y;", "use crate::a::Z;");
    assert_eq!(sizes(&[("", "mod a;"), ("a", a), ("a::x", x), ("a::y", y)]), [0; 0]);
    assert_eq!(
        sizes(&[("a", ""), ("a::x", "use super::y;"), ("a::y", "use super::{self, x::X};")]),
        [2]
    );
}

#[test]
fn cycles_are_found_in_use_trees_paths_macros_and_inline_modules() {
    for code in [
        "use crate::{c, b::{self as other, B}};",
        "fn f() -> super::b::B {}",
        "fn f() { println!(\"{}\", crate::b::B) }",
        "mod inner { use super::super::b::B; }",
        "pub(crate) use super::b::B;",
    ] {
        assert_eq!(sizes(&[("a", code), ("b", "use crate::a;"), ("c", "")]), [2], "{code}");
    }
    let three =
        [("a", "use crate::b::x::X;"), ("b", "use crate::a::A;"), ("b::x", "use super::B;")];
    assert_eq!(sizes(&three), [3], "larger than a parent with its children");
}

#[test]
fn tests_comments_strings_and_rights_are_no_arrows() {
    for code in [
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] #[expect(unused)] use crate::b::{B, C}; fn f() {}",
        "#[cfg(test)] fn f<A, B>() { crate::b::g() }",
        "// use crate::b;\n/* crate::b::B */ const A: &str = \"crate::b::B\";",
        "pub(in crate::b) fn f() {}",
        "use ::b::B; fn f() { ::b::g() }",
        "use other::b::B; fn f() { b.g() }",
    ] {
        assert_eq!(sizes(&[("a", code), ("b", "use crate::a;")]), [0; 0], "{code}");
    }
    let tests = [
        ("a", "#[cfg(test)] mod tests;"),
        ("a::tests", "use crate::b;"),
        ("b", "use crate::a::tests::T;"),
    ];
    assert_eq!(sizes(&tests), [0; 0], "a file of tests");
}
