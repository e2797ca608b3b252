// Package token holds source positions: files, offsets and spans. It is the
// leaf that every later rung (diag, syntax, ir, plan, runtime) shares, so that
// a dead letter of tonight still points to the line that made it.
package token

import (
	"sort"
	"unicode/utf8"
)

// File is one source text. Offsets are bytes into Src.
type File struct {
	Name   string // as the user named it, relative to the program's directory
	Src    string
	Module bool  // a module's, which the user cannot edit
	lines  []int // offset of the first byte of each line
}

// NewFile prepares a text for position look-ups.
func NewFile(name, src string) *File {
	f := &File{Name: name, Src: src, lines: []int{0}}
	for i := 0; i < len(src); i++ {
		if src[i] == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// Pos is a place as people count it: line and column from 1, the column in
// characters (code points).
type Pos struct{ Line, Col int }

// At gives the position of a byte offset; offsets outside the text are clamped.
func (f *File) At(off int) Pos {
	off = max(0, min(off, len(f.Src)))
	i := sort.SearchInts(f.lines, off+1) - 1
	return Pos{Line: i + 1, Col: utf8.RuneCountInString(f.Src[f.lines[i]:off]) + 1}
}

// Line gives the text of a line counted from 1, without its line end.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	end := len(f.Src)
	if n < len(f.lines) {
		end = f.lines[n] - 1
	}
	s := f.Src[f.lines[n-1]:end]
	if len(s) > 0 && s[len(s)-1] == '\r' {
		s = s[:len(s)-1]
	}
	return s
}

// Span is a piece of a file: [Start, End) in bytes. The zero Span stands for
// "nowhere" (a whole program, a missing file).
type Span struct {
	File       *File
	Start, End int
}

// Valid tells whether the span points into a file.
func (s Span) Valid() bool { return s.File != nil }

// Text is the source under the span.
func (s Span) Text() string {
	if s.File == nil || s.Start > s.End || s.End > len(s.File.Src) {
		return ""
	}
	return s.File.Src[s.Start:s.End]
}

// Pos is where the span begins.
func (s Span) Pos() Pos {
	if s.File == nil {
		return Pos{}
	}
	return s.File.At(s.Start)
}

// Join is the smallest span that covers both; they must be of one file.
func (s Span) Join(t Span) Span {
	switch {
	case !s.Valid():
		return t
	case !t.Valid() || s.File != t.File:
		return s
	}
	return Span{File: s.File, Start: min(s.Start, t.Start), End: max(s.End, t.End)}
}

// String prints file:line:col, or "" for nowhere.
func (s Span) String() string {
	if !s.Valid() {
		return ""
	}
	p := s.Pos()
	return s.File.Name + ":" + itoa(p.Line) + ":" + itoa(p.Col)
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
