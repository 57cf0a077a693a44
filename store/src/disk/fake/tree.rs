//! The folders of the disk in memory, as they are and as the platter has them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contents::Contents;
use super::{Choose, Sector};
use crate::disk::Entry;

/// What a path leads to.
#[derive(Clone)]
enum Node {
    Dir,
    File(Arc<Contents>),
}

impl Node {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dir, Self::Dir) => true,
            (Self::File(one), Self::File(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

pub(super) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    platter: BTreeMap<PathBuf, Node>,
    locked: BTreeSet<PathBuf>,
}

impl Default for Tree {
    fn default() -> Self {
        let nodes = BTreeMap::from(["", "/"].map(|root| (root.into(), Node::Dir)));
        Self { platter: nodes.clone(), nodes, locked: BTreeSet::new() }
    }
}

impl Tree {
    pub(super) fn create(&mut self, path: &Path, contents: Arc<Contents>) -> io::Result<()> {
        if self.nodes.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        match path.parent().and_then(|dir| self.nodes.get(dir)) {
            Some(Node::Dir) => {
                self.nodes.insert(path.to_owned(), Node::File(contents));
                Ok(())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Arc<Contents>> {
        match self.nodes.get(path) {
            Some(Node::File(contents)) => Ok(Arc::clone(contents)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Contents> {
        self.nodes.values().filter_map(|node| match node {
            Node::File(contents) => Some(&**contents),
            Node::Dir => None,
        })
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.nodes.contains_key(path)
    }

    /// The entries of a folder, by name.
    pub(super) fn list(&self, dir: &Path) -> Vec<Entry> {
        let children = self.nodes.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, node): (&PathBuf, &Node)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match node {
                Node::Dir => Entry { name, is_dir: true, bytes: 0 },
                Node::File(contents) => Entry { name, is_dir: false, bytes: contents.bytes },
            }
        };
        let mut entries: Vec<_> = children.map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    pub(super) fn create_dir(&mut self, dir: &Path) {
        for dir in dir.ancestors() {
            self.nodes.entry(dir.to_owned()).or_insert(Node::Dir);
        }
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.nodes.remove(path);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, dir: &Path) {
        self.nodes.retain(|path, _| !path.starts_with(dir));
    }

    /// Puts a file that is on the platter in the place of another, durably.
    pub(super) fn replace(&mut self, path: &Path, contents: Arc<Contents>) {
        self.nodes.insert(path.to_owned(), Node::File(Arc::clone(&contents)));
        self.platter.insert(path.to_owned(), Node::File(contents));
    }

    /// Brings the entries of a folder to the platter.
    pub(super) fn sync_dir(&mut self, dir: &Path) {
        let nodes = &self.nodes;
        self.platter.retain(|path, _| {
            let child = path.ancestors().find(|path| path.parent() == Some(dir));
            child.is_none_or(|child| nodes.contains_key(child))
        });
        let children = self.nodes.iter().filter(|(path, _)| path.parent() == Some(dir));
        self.platter.extend(children.map(|(path, node)| (path.clone(), node.clone())));
    }

    pub(super) fn lock(&mut self, path: &Path) -> bool {
        self.locked.insert(path.to_owned())
    }

    pub(super) fn unlock(&mut self, path: &Path) {
        self.locked.remove(path);
    }

    pub(super) fn fork(&self) -> Self {
        let mut copies = Copies::default();
        let mut fork = |nodes: &BTreeMap<PathBuf, Node>| {
            let mut node = |node: &Node| match node {
                Node::Dir => Node::Dir,
                Node::File(contents) => Node::File(copies.of(contents, |contents| contents.fork())),
            };
            nodes.iter().map(|(path, old)| (path.clone(), node(old))).collect()
        };
        Self { nodes: fork(&self.nodes), platter: fork(&self.platter), locked: BTreeSet::new() }
    }

    pub(super) fn power_cut(&self, sector: Sector, choose: &mut Choose<'_>) -> Self {
        let mut copies = Copies::default();
        let mut left: BTreeMap<PathBuf, Node> = BTreeMap::new();
        let paths: BTreeSet<&PathBuf> = self.nodes.keys().chain(self.platter.keys()).collect();
        // Parents come before their children.
        for path in paths {
            if path.parent().is_some_and(|dir| !left.contains_key(dir)) {
                continue;
            }
            let node = match (self.nodes.get(path), self.platter.get(path)) {
                (Some(new), Some(old)) if new.is_same(old) => Some(new),
                (new, old) => *choose_of(choose, &[new, old]),
            };
            let node = match node {
                Some(Node::File(contents)) => {
                    Node::File(copies.of(contents, |contents| contents.power_cut(sector, choose)))
                }
                Some(Node::Dir) => Node::Dir,
                None => continue,
            };
            left.insert(path.clone(), node);
        }
        Self { nodes: left.clone(), platter: left, locked: BTreeSet::new() }
    }
}

fn choose_of<'a, T>(choose: &mut Choose<'_>, of: &'a [T]) -> &'a T {
    &of[choose(of.len())]
}

/// Copies of files, one for each however many paths lead to it.
#[derive(Default)]
struct Copies(BTreeMap<*const Contents, Arc<Contents>>);

impl Copies {
    fn of(&mut self, contents: &Arc<Contents>, copy: impl FnOnce(&Contents) -> Contents) -> Arc<Contents> {
        Arc::clone(self.0.entry(Arc::as_ptr(contents)).or_insert_with(|| Arc::new(copy(contents))))
    }
}
