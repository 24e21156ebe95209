" Syntax of dnsfw's access control list, dnsfw.acl(5).
if exists("b:current_syntax")
  finish
endif
let s:cpo = &cpo
set cpo&vim

" What no item below takes is an error.
syntax match dnsfwError /\S\+/
syntax match dnsfwComment /#.*/
syntax match dnsfwClient /^\s*\zs[0-9A-Fa-f:.]\+\%(\/\d\{1,3}\)\?\ze\s*[-~]/
      \ nextgroup=dnsfwGrant,dnsfwResolve,dnsfwBlock skipwhite
syntax match dnsfwClientGroup /^\s*\zs@[-0-9A-Za-z_]\+\ze\s*[-~]/
      \ nextgroup=dnsfwGrant,dnsfwResolve,dnsfwBlock skipwhite
syntax match dnsfwGrant /->/ contained nextgroup=dnsfwGranted skipwhite
syntax match dnsfwResolve /\~>/ contained nextgroup=dnsfwName skipwhite
syntax match dnsfwBlock /-|/ contained nextgroup=dnsfwName skipwhite
syntax match dnsfwGranted /\%(\*\.\)\?[-0-9A-Za-z_.]\+\|\*\|@[-0-9A-Za-z_]\+/
      \ contained nextgroup=dnsfwGrantedComma,dnsfwColon skipwhite
syntax match dnsfwGrantedComma /,/ contained nextgroup=dnsfwGranted skipwhite
syntax match dnsfwColon /:/ contained nextgroup=dnsfwProtocol skipwhite
syntax match dnsfwProtocol /\c\<\%(tcp\|udp\)\>/ contained
      \ nextgroup=dnsfwPortColon skipwhite
syntax match dnsfwPortColon /:/ contained nextgroup=dnsfwPort skipwhite
syntax match dnsfwPort /\d\{1,5}\%(-\d\{1,5}\)\?\>/ contained
      \ nextgroup=dnsfwPortComma,dnsfwTtl,dnsfwText skipwhite
syntax match dnsfwPortComma /,/ contained nextgroup=dnsfwPort skipwhite
syntax match dnsfwTtl /\<ttl\>/ contained nextgroup=dnsfwTimes skipwhite
syntax match dnsfwTimes /\d\+\.\.\d\+\>/ contained nextgroup=dnsfwText skipwhite
syntax match dnsfwName /\%(\*\.\)\?[-0-9A-Za-z_.]\+\|\*\|@[-0-9A-Za-z_]\+/
      \ contained nextgroup=dnsfwNameComma,dnsfwEquals,dnsfwText skipwhite
syntax match dnsfwNameComma /,/ contained nextgroup=dnsfwName skipwhite
syntax match dnsfwEquals /=/ contained nextgroup=dnsfwAddress skipwhite
syntax match dnsfwAddress /[0-9A-Fa-f:.]\+/ contained nextgroup=dnsfwText
      \ skipwhite
syntax match dnsfwText /"[^"\\]\{1,60}"/ contained

syntax match dnsfwGroup /^\s*\zs@[-0-9A-Za-z_]\+\ze\s*+\?=/
      \ nextgroup=dnsfwIs skipwhite
syntax match dnsfwIs /+\?=/ contained nextgroup=dnsfwHost,dnsfwItem skipwhite
syntax match dnsfwItem /[-0-9A-Za-z_.:*\/]\+/ contained
      \ nextgroup=dnsfwItemComma skipwhite
syntax match dnsfwHost /host\ze\s\+[^#, \t]/ contained nextgroup=dnsfwItem skipwhite
syntax match dnsfwItemComma /,/ contained nextgroup=dnsfwItem skipwhite

syntax match dnsfwInclude /^\s*\zsinclude\ze\s/ nextgroup=dnsfwPath skipwhite
syntax match dnsfwPath /[-0-9A-Za-z_.+@\/]\+/ contained

highlight default link dnsfwError Error
highlight default link dnsfwComment Comment
highlight default link dnsfwClient Type
highlight default link dnsfwGrant Statement
highlight default link dnsfwResolve Statement
highlight default link dnsfwBlock Exception
highlight default link dnsfwGranted Identifier
highlight default link dnsfwName Identifier
highlight default link dnsfwProtocol Keyword
highlight default link dnsfwPort Number
highlight default link dnsfwAddress Constant
highlight default link dnsfwClientGroup Type
highlight default link dnsfwGroup Type
highlight default link dnsfwItem Identifier
highlight default link dnsfwHost Keyword
highlight default link dnsfwTtl Keyword
highlight default link dnsfwTimes Number
highlight default link dnsfwText String
highlight default link dnsfwInclude Include
highlight default link dnsfwPath String

let &cpo = s:cpo
unlet s:cpo
let b:current_syntax = "dnsfwacl"
