document.documentElement.classList.add("js");
for(const t of document.querySelectorAll("table.sort")){
const b=t.tBodies[0],rows=[...b.rows];
const key=(r,i)=>{const x=r.cells[i].textContent.trim(),n=parseFloat(x.replace(/[^0-9.-]/g,""));return r.cells[i].classList.contains("n")?(isNaN(n)?-1/0:n):x.toLowerCase()};
[...t.tHead.rows[0].cells].forEach((h,i)=>{
const k=document.createElement("button");k.type="button";k.textContent=h.textContent;h.textContent="";h.append(k);
k.addEventListener("click",()=>{
const up=h.getAttribute("aria-sort")==="descending";
for(const o of t.tHead.rows[0].cells)o.removeAttribute("aria-sort");
h.setAttribute("aria-sort",up?"ascending":"descending");
rows.sort((x,y)=>{const p=key(x,i),q=key(y,i);return(p<q?-1:p>q?1:0)*(up?1:-1)});
b.append(...rows)})});
const f=document.getElementById("filter"),s=document.getElementById("count");
if(f&&t.id==="all")f.addEventListener("input",()=>{
const q=f.value.toLowerCase().split(/\s+/).filter(Boolean);let n=0;
for(const r of rows){const x=r.textContent.toLowerCase();r.hidden=!q.every(w=>x.includes(w));n+=!r.hidden}
s.textContent=n+" of "+rows.length+" shown"})}
addEventListener("beforeprint",()=>{for(const d of document.querySelectorAll("details.w"))d.open=true});
const go=()=>{const e=location.hash.length>1&&document.getElementById(location.hash.slice(1));if(e&&e.tagName==="DETAILS")e.open=true};
addEventListener("hashchange",go);go();
