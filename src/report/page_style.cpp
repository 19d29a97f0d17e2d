#include <fmt/format.h>

#include "report/page.h"

namespace tiller::report {
namespace {

constexpr const char* light =
    "--page:#ffffff;--panel:#f6f6f4;--ink:#1c1c1a;--quiet:#5f5f5a;--line:#dededa;--faint:#ecece8;--link:#"
    "1f4e79;"
    "--negative:#2166ac;--middle:#f4f4f2;--positive:#b35806;--early:#5a1a86;--between:#1c8a86;--late:#"
    "c2a500;";
constexpr const char* dark =
    "--page:#16181b;--panel:#1d2024;--ink:#e8e8e4;--quiet:#a0a29f;--line:#373b40;--faint:#282b2f;--link:#"
    "9cc7ee;"
    "--negative:#5aa9e6;--middle:#24272b;--positive:#f09a3e;--early:#a08cf5;--between:#35b7a5;--late:#"
    "f5e04a;";

constexpr const char* sheet = R"css(
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums lining-nums}
main{max-width:1120px;margin:0 auto;padding:0 20px 80px}
h1{font-size:1.75rem;line-height:1.2;font-weight:650;margin:0 0 .4rem;letter-spacing:-.012em;text-wrap:balance}
h2{font-size:1.2rem;font-weight:650;margin:3rem 0 .7rem;padding-top:.6rem;border-top:1px solid var(--ink)}
h3{font-size:1rem;font-weight:650;margin:0 0 .3rem}
h4{font-size:.93rem;font-weight:650;margin:1.6rem 0 .4rem}
p{margin:.5rem 0;max-width:75ch;overflow-wrap:anywhere}
a{color:var(--link);text-decoration-thickness:1px;text-underline-offset:2px}
.unseen,.over{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
button{font:inherit;font-size:.78rem;line-height:1.3;color:var(--link);background:var(--page);border:1px solid var(--line);border-radius:4px;padding:.1rem .5rem;cursor:pointer;white-space:nowrap}
button:hover{border-color:var(--link)}
[hidden]{display:none!important}
a:focus-visible,summary:focus-visible,button:focus-visible,.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
header{padding-top:2.6rem}
h1,h3,h4,li,dd,dt,th{overflow-wrap:anywhere}
.question{color:var(--quiet);font-size:1.05rem;margin:0 0 1.7rem;max-width:68ch}
.finding{font-size:1.3rem;line-height:1.42;margin:.85rem 0;max-width:58ch;text-wrap:pretty}
.quiet,figcaption,.ws{color:var(--quiet)}
p.quiet,figcaption{font-size:.84rem;line-height:1.45}
nav{font-size:.84rem;line-height:1.35;border-bottom:1px solid var(--line);padding:.6rem 20px}
nav ol{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
nav a{text-decoration:none;color:var(--quiet)}
nav a:hover{color:var(--ink);text-decoration:underline}
nav .inner{display:none}
.scroll{overflow-x:auto;margin:.5rem 0}
table{border-collapse:separate;border-spacing:0;font-size:.86rem;line-height:1.35;width:100%}
table.narrow,table.cost{width:auto;min-width:min(100%,22rem)}
th,td{text-align:left;vertical-align:top;padding:.34rem .7rem .34rem 0;border-bottom:1px solid var(--line);font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--quiet);font-size:.8rem;vertical-align:bottom;border-bottom:1px solid var(--ink);white-space:nowrap;overflow-wrap:normal}
th[title]{cursor:help}
.num{text-align:right;white-space:nowrap}
td.remark{min-width:11em}
td small{display:block;font-size:.76rem;color:var(--quiet)}
td.best{font-weight:700}
td.best small{font-weight:400}
.null,td.null small{color:var(--quiet)}
td.none{color:var(--quiet)}
tr.group th{font-weight:650;padding-top:1rem}
tr.sum td,tr.sum th{font-weight:600;border-bottom-color:var(--quiet)}
tbody th{min-width:8.5rem;overflow-wrap:normal}
.matrix thead th{white-space:normal}
.matrix tbody th,.metrics tbody th{position:sticky;left:0;background:var(--page)}
.sign{width:.72em;height:.72em;margin-right:.4em;overflow:visible}
.sign path{stroke-width:1.4}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.86rem;margin:.2rem 0 .9rem;max-width:none}
.legend span{white-space:nowrap}
figure{margin:0;min-width:0}
.chart{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:0 1rem}
.chart .drawing{grid-column:1/-1}
.chart .save{grid-column:2;justify-self:end;align-self:start;margin-top:.2rem}
.drawing{min-height:40px}
.drawing svg{max-width:100%;height:auto}
.chart .drawing.vega-embed{display:block;padding-right:0}
.pair>div,.triple>div,.stack>div{min-width:0}
figcaption{max-width:75ch;margin-top:.2rem}
#answers h2{margin-top:1.2rem}
section .finding{font-size:1.05rem;max-width:75ch}
.answer-legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;align-items:baseline;justify-content:space-between}
.answer-legend .legend{margin:0}
.answers{table-layout:fixed}
.answers th:nth-child(1){width:15%}
.answers th:nth-child(2){width:15%}
.answers th:nth-child(3){width:23%}
.answers th:nth-child(4){width:13%}
.answers th,.answers td{vertical-align:middle;min-width:0;overflow-wrap:anywhere}
.answers thead th{vertical-align:bottom;white-space:normal}
.answers small{display:block;font-size:.76rem;color:var(--quiet);line-height:1.3}
.answers .answer{display:block;width:100%;max-width:260px;height:auto}
.answers .damage span{display:block;font-size:.78rem;line-height:1.35}
.answers .remark p{margin:0;font-size:.8rem;line-height:1.35;color:var(--quiet)}
.command{display:flex;gap:.4rem;align-items:center;margin-top:.15rem;min-width:0}
.command code{flex:1;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.74rem}
.use .copy{margin-left:.5rem}
.unfold-line{text-align:right;max-width:none;margin:-.2rem 0 .3rem}
.pair,.triple{display:grid;gap:1.4rem 2.2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr))}
.triple{grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr))}
.triple>:only-child,.half{max-width:540px}
.stack>div+div{margin-top:.8rem}
details.task{border-bottom:1px solid var(--line);padding:.2rem 0}
details.task[open]{padding-bottom:1.6rem}
summary{cursor:pointer}
details.task>summary{display:grid;grid-template-columns:1.1rem 12rem 1fr;gap:.1rem .5rem;align-items:baseline;padding:.5rem 0;list-style:none}
details.task>summary::-webkit-details-marker{display:none}
details.task>summary::before{content:"";border:solid var(--quiet);border-width:0 1.5px 1.5px 0;width:.42rem;height:.42rem;transform:rotate(-45deg);align-self:start;justify-self:center;margin-top:.42rem}
details.task[open]>summary::before{transform:rotate(45deg)}
details.task>summary h3{margin:0}
.verdict{color:var(--ink);max-width:75ch}
details.more{margin:.7rem 0;font-size:.9rem}
details.more>summary{color:var(--link)}
.grid th,.grid td{padding-top:.16rem;padding-bottom:.16rem}
.grid td{text-align:right;white-space:nowrap}
.grid td small{display:inline;margin-left:.3em}
td.text{overflow-wrap:anywhere;min-width:7.2rem;max-width:22rem;white-space:normal}
td.out{font-family:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.78rem;line-height:1.4}
code,pre{font-family:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.8rem;overflow-wrap:anywhere}
pre{background:var(--panel);padding:.8rem 1rem;overflow-x:auto;white-space:pre-wrap;line-height:1.45}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.2rem;margin:.8rem 0;font-size:.9rem}
dt{color:var(--quiet)}
dd{margin:0;max-width:80ch}
ul{padding-left:1.1rem;max-width:78ch}
li{margin:.3rem 0}
nav li{margin:0}
@media(min-width:1240px){
body{display:grid;grid-template-columns:210px minmax(0,1fr)}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;border:0;padding:3.1rem 0 2rem 26px}
nav ol{display:block}
nav li{margin:.42rem 0}
nav .inner{display:list-item;padding-left:.8rem;margin:.28rem 0}
main{margin:0;padding-left:40px;padding-right:40px;max-width:1190px}
}
@media screen and (max-width:720px){
.answers,.answers tbody{display:block}
.answers thead{display:block;position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.answers tbody tr{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:.25rem .8rem;padding:.6rem 0;border-bottom:1px solid var(--line)}
.answers tbody tr>*{border:0;padding:0;width:auto!important}
.answers .picture{grid-column:1/-1;display:flex;align-items:center;gap:.3rem;color:var(--quiet);font-size:.76rem}
.answers .picture .answer{flex:1;max-width:420px}
.answers .picture::before{content:"0"}
.answers .picture::after{content:"1"}
.answers .picture:not(:has(svg))::before,.answers .picture:not(:has(svg))::after{content:none}
.answers .damage,.answers .remark{grid-column:1/-1}
.over{position:static;display:block;width:auto;height:auto;clip-path:none}
.answers .unmeasured{display:none}
.answers .damage span{display:inline;margin-right:1rem}
.answers .damage::before{content:"damage: ";color:var(--quiet)}
.answers .remark:empty{display:none}
}
@media screen and (max-width:720px){
main,nav{padding-left:14px;padding-right:14px}
header{padding-top:1.4rem}
h1{font-size:1.4rem}
.finding{font-size:1.12rem}
details.task>summary{grid-template-columns:1.1rem 1fr}
.verdict{grid-column:2}
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.5rem}
.matrix td:nth-child(2),.matrix thead th:nth-child(2){display:none}
tbody th{min-width:6.6rem}
.examples,.examples tbody{display:block}
.examples thead{display:none}
.examples tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}
.examples td{display:block;border:0;padding:.12rem 0 .12rem 6.4rem;max-width:none;position:relative;min-height:1.3rem}
.examples td::before{content:attr(data-head);position:absolute;left:0;width:6rem;color:var(--quiet);font:.8rem system-ui,sans-serif}
}
@media print{
@page{margin:14mm 12mm}
html{font-size:12px}
#overview:has(>details:not([open])){display:none}
nav,button,.unfold-line,details.more:not([open]){display:none!important}
body{display:block;font-size:1rem}
main{max-width:none;padding:0}
header{padding-top:0}
h2{margin-top:1.4rem}
.finding{font-size:1.05rem}
.scroll{overflow:visible}
tr,figure,.finding,.whole,.triple>div,.stack>div,summary,dl,pre{break-inside:avoid}
h2,h3,h4,.legend,summary{break-after:avoid}
.metrics,.matrix,.examples,.grid{font-size:.72rem}
.metrics small,.matrix small{font-size:.64rem}
.metrics .num,.matrix .num{white-space:normal}
.examples{table-layout:fixed}
.examples thead th{white-space:normal;font-size:.64rem}
.examples td.out{font-size:.64rem}
.metrics th,.metrics td,.matrix th,.matrix td,.examples th,.examples td{padding-right:.35rem;position:static}
.metrics thead th,.matrix thead th{white-space:normal;font-size:.68rem}
td.remark,td.text{min-width:0}
tbody th{min-width:0}
details.task>summary::before{display:none}
details.task>summary{grid-template-columns:10rem 1fr}
.command code{white-space:normal;overflow:visible;font-size:.68rem}
details.task p{max-width:none}
.drawing[data-mode=dark] svg{filter:invert(1) hue-rotate(180deg)}
}
)css";

}  // namespace

std::string page_style(const Palette& palette) {
    // The dark colours are for screens only: printed pages are always light.
    return fmt::format(
        ":root{{color-scheme:light dark;{}{}}}@media screen and "
        "(prefers-color-scheme:dark){{:root{{{}{}}}}}{}",
        light, palette.variables(false), dark, palette.variables(true), sheet);
}

}  // namespace tiller::report
