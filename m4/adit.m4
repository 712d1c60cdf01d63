dnl SPDX-License-Identifier: Apache-2.0
dnl Compiler flags, libraries and plugins of Adit.

dnl ADIT_FLAGS: warnings, hardening, sanitizers, fuzzers.
AC_DEFUN([ADIT_FLAGS], [
AC_ARG_ENABLE([werror], AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors]))
AC_ARG_ENABLE([sanitizers], AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
	[build with sanitizers (default list: address,undefined; or thread)]))
AC_ARG_ENABLE([fuzzers], AS_HELP_STRING([--enable-fuzzers], [build the libFuzzer targets (needs CC=clang)]))
AC_ARG_ENABLE([hardening], AS_HELP_STRING([--disable-hardening], [leave out hardening flags]))
adit_cflags="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -fvisibility=hidden -fno-strict-aliasing"
adit_ldflags="-Wl,-z,relro,-z,now"
AS_IF([test "x$enable_werror" = xyes], [adit_cflags="$adit_cflags -Werror"])
AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
AS_IF([test "x${enable_sanitizers:-no}" != xno], [
	adit_san="-fsanitize=$enable_sanitizers -fno-omit-frame-pointer"
	AS_CASE([$enable_sanitizers], [*undefined*], [adit_san="$adit_san -fno-sanitize-recover=undefined"])
	adit_cflags="$adit_cflags $adit_san"
	adit_ldflags="$adit_ldflags $adit_san"
	AC_DEFINE([ADIT_SANITIZED], [1], [built with sanitizers])
	enable_hardening=no
])
AS_IF([test "x$enable_fuzzers" = xyes], [adit_cflags="$adit_cflags -fsanitize=fuzzer-no-link"])
AS_IF([test "x$enable_hardening" != xno], [
	m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero], [
		AC_MSG_CHECKING([whether $CC takes ]flag)
		adit_save="$CFLAGS"; CFLAGS="$CFLAGS -Werror flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM], [AC_MSG_RESULT([yes]); adit_cflags="$adit_cflags flag"], [AC_MSG_RESULT([no])])
		CFLAGS="$adit_save"
	])
	AS_CASE([$CFLAGS], [*-O0*], [], [adit_cflags="$adit_cflags -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
])
AC_SUBST([ADIT_CFLAGS], [$adit_cflags])
AC_SUBST([ADIT_LDFLAGS], [$adit_ldflags])
AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
AM_CONDITIONAL([SANITIZERS], [test "x${enable_sanitizers:-no}" != xno])
])

dnl ADIT_NEED(VAR, modules, debian-package): a library nothing works without.
AC_DEFUN([ADIT_NEED], [
PKG_CHECK_MODULES([$1], [$2], [], [AC_MSG_ERROR([$2 is needed: apt install $3])])
])

dnl ADIT_WANT(VAR, modules, debian-package, what-for): sets the conditional HAVE_VAR.
AC_DEFUN([ADIT_WANT], [
PKG_CHECK_MODULES([$1], [$2], [adit_have_$1=yes], [adit_have_$1=no; AC_MSG_WARN([without $2 (apt install $3): no $4])])
AM_CONDITIONAL([HAVE_$1], [test $adit_have_$1 = yes])
adit_wants="$adit_wants
  $4: $adit_have_$1"
])

dnl ADIT_PLUGIN(name, yes|no|auto, [modules], [debian-packages]): --enable-NAME, conditional PLUGIN_NAME, NAME_CFLAGS/LIBS.
AC_DEFUN([ADIT_PLUGIN], [
m4_pushdef([up], m4_translit([$1], [a-z-], [A-Z_]))
m4_pushdef([lo], m4_translit([$1], [-], [_]))
AC_ARG_ENABLE([$1], AS_HELP_STRING([--enable-$1], [plugin $1 (default: $2)]), [adit_p=$enableval], [adit_p=$2])
m4_ifval([$3], [
AS_IF([test "x$adit_p" != xno], [
	PKG_CHECK_MODULES(up, [$3], [adit_p=yes], [
		AS_IF([test "x$adit_p" = xyes], [AC_MSG_ERROR([plugin $1 needs $3: apt install $4])])
		adit_p="no (needs $3: apt install $4)"
	])
])])
AS_IF([test "x$adit_p" = xauto], [adit_p=yes])
AM_CONDITIONAL([PLUGIN_]up, [test "x$adit_p" = xyes])
adit_plugins="$adit_plugins
  $1: $adit_p"
m4_popdef([lo])
m4_popdef([up])
])

dnl ADIT_PLUGIN_LIB(name, header, library, function, debian-package): as ADIT_PLUGIN with auto, for a library without
dnl pkg-config; NAME_LIBS.
AC_DEFUN([ADIT_PLUGIN_LIB], [
m4_pushdef([up], m4_translit([$1], [a-z-], [A-Z_]))
AC_ARG_ENABLE([$1], AS_HELP_STRING([--enable-$1], [plugin $1 (default: auto)]), [adit_p=$enableval], [adit_p=auto])
AS_IF([test "x$adit_p" != xno], [
	adit_found=no
	AC_CHECK_HEADER([$2], [AC_CHECK_LIB([$3], [$4], [adit_found=yes])])
	AS_IF([test $adit_found = yes], [adit_p=yes; AC_SUBST(up[_LIBS], [-l$3])],
		[test "x$adit_p" = xyes], [AC_MSG_ERROR([plugin $1 needs lib$3: apt install $5])],
		[adit_p="no (needs lib$3: apt install $5)"])
])
AM_CONDITIONAL([PLUGIN_]up, [test "x$adit_p" = xyes])
adit_plugins="$adit_plugins
  $1: $adit_p"
m4_popdef([up])
])

AC_DEFUN([ADIT_SUMMARY], [
AS_ECHO(["
adit $VERSION
  prefix: $prefix   compiler: $CC
  sanitizers: ${enable_sanitizers:-no}   fuzzers: ${enable_fuzzers:-no}   werror: ${enable_werror:-no}
plugins:$adit_plugins
optional:$adit_wants
"])
])
