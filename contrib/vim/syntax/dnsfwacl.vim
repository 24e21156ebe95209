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
syntax match dnsfwGrant /->/ contained nextgroup=dnsfwGranted skipwhite
syntax match dnsfwResolve /\~>/ contained nextgroup=dnsfwName skipwhite
syntax match dnsfwBlock /-|/ contained nextgroup=dnsfwName skipwhite
syntax match dnsfwGranted /\%(\*\.\)\?[-0-9A-Za-z_.]\+\|\*/ contained
      \ nextgroup=dnsfwColon skipwhite
syntax match dnsfwColon /:/ contained nextgroup=dnsfwProtocol skipwhite
syntax match dnsfwProtocol /\c\<\%(tcp\|udp\)\>/ contained
      \ nextgroup=dnsfwPortColon skipwhite
syntax match dnsfwPortColon /:/ contained nextgroup=dnsfwPort skipwhite
syntax match dnsfwPort /\d\{1,5}\>/ contained
syntax match dnsfwName /\%(\*\.\)\?[-0-9A-Za-z_.]\+\|\*/ contained
      \ nextgroup=dnsfwEquals skipwhite
syntax match dnsfwEquals /=/ contained nextgroup=dnsfwAddress skipwhite
syntax match dnsfwAddress /[0-9A-Fa-f:.]\+/ contained

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

let &cpo = s:cpo
unlet s:cpo
let b:current_syntax = "dnsfwacl"
