'use strict';
(() => {
const lab = JSON.parse(document.getElementById('lab').textContent);
const svg = document.querySelector('main svg');
const panel = document.querySelector('aside');
const search = document.getElementById('search');
const SVG = 'http://www.w3.org/2000/svg';
const byNumber = (selector, key) => {
        const found = [];
        for (const g of svg.querySelectorAll(selector))
                found[+g.dataset[key]] = g;
        return found;
};
const nodes = byNumber('g.node', 'node');
const links = byNumber('g.link', 'link');
const paper = svg.viewBox.baseVal;
const whole = { x: 0, y: 0, width: paper.width, height: paper.height };

/* ---- places ---- */

const scaleOf = g => {
        const scale = /scale\(([\d.]+)\)/.exec(g.getAttribute('transform'));
        return scale ? +scale[1] : 1;
};
const place = nodes.map(g => {
        const [, x, y] = /translate\((\S+) ([^)]+)\)/.exec(g.getAttribute('transform'));
        return { x: +x, y: +y };
});
const scale = nodes.length ? scaleOf(nodes[0]) : 1;
const ends = links.map(g => [+g.dataset.a, +g.dataset.b]);
const linksOf = nodes.map(() => []);
ends.forEach(([a, b], i) => {
        linksOf[a].push(i);
        if (b !== a)
                linksOf[b].push(i);
});

const number = x => String(Math.round(x * 10) / 10);

/* The same lines as draw_place.c and draw_svg.c make. */
function course(link) {
        const a = place[ends[link][0]], b = place[ends[link][1]], bend = +links[link].dataset.bend;
        const dx = b.x - a.x, dy = b.y - a.y, chord = Math.hypot(dx, dy);
        if (ends[link][0] === ends[link][1])
                return { a, b, c: { x: a.x, y: a.y - 62 * scale - Math.abs(bend) }, bend, chord: 0, length: 0 };
        const d = Math.max(chord, 1e-6);
        const c = { x: (a.x + b.x) / 2 - dy / d * 2 * bend, y: (a.y + b.y) / 2 + dx / d * 2 * bend };
        return { a, b, c, bend, chord, length: d + 8 * bend * bend / 3 / d };
}

function draw(link) {
        const way = course(link), { a, b, c } = way;
        let d = `M${number(a.x)} ${number(a.y)}`;
        if (way.length === 0) {
                const aside = (a.y - c.y) * 0.6;
                d += `C${number(a.x - aside)} ${number(c.y)} ${number(a.x + aside)} ${number(c.y)} ${number(a.x)} ${number(a.y)}`;
        } else if (way.bend === 0)
                d += `L${number(b.x)} ${number(b.y)}`;
        else
                d += `Q${number(c.x)} ${number(c.y)} ${number(b.x)} ${number(b.y)}`;
        for (const path of links[link].querySelectorAll('path'))
                path.setAttribute('d', d);
        for (const label of links[link].querySelectorAll('g.label'))
                turn(label, way);
}

const upsideDown = angle => angle > Math.PI / 2 + 1e-6 || angle <= -Math.PI / 2 + 1e-6;

function turn(label, way) {
        const at = t => ({
                x: (1 - t) ** 2 * way.a.x + 2 * (1 - t) * t * way.c.x + t * t * way.b.x,
                y: (1 - t) ** 2 * way.a.y + 2 * (1 - t) * t * way.c.y + t * t * way.b.y,
        });
        const share = +label.dataset.along / Math.max(way.length, 1), end = +label.dataset.end;
        const t = end === 0 ? share : end === 1 ? 1 - share : 0.5 + share;
        const before = at(t - 0.01), after = at(t + 0.01), middle = at(t);
        let angle = Math.atan2(after.y - before.y, after.x - before.x);
        if (upsideDown(angle))
                angle += angle > 0 ? -Math.PI : Math.PI;
        const across = +label.dataset.across;
        const x = middle.x - Math.sin(angle) * across, y = middle.y + Math.cos(angle) * across;
        label.setAttribute('transform', `translate(${number(x)} ${number(y)}) rotate(${number(angle * 180 / Math.PI)})` +
                           (scale === 1 ? '' : ` scale(${scale})`));
        for (const text of label.querySelectorAll('text[data-from]')) {
                const forward = (text.dataset.from === '1') === upsideDown(Math.atan2(way.b.y - way.a.y, way.b.x - way.a.x));
                text.textContent = (forward ? '→ ' : '← ') + text.textContent.slice(2);
        }
}

function move(node, x, y) {
        place[node] = { x, y };
        nodes[node].setAttribute('transform', `translate(${number(x)} ${number(y)})` + (scale === 1 ? '' : ` scale(${scale})`));
        linksOf[node].forEach(draw);
}

/* ---- what is seen ---- */

let view = { ...whole };
function show() {
        svg.setAttribute('viewBox', `${number(view.x)} ${number(view.y)} ${number(view.width)} ${number(view.height)}`);
}
function toPaper(event) {
        const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        return { x: p.x, y: p.y };
}
function zoom(factor, about) {
        const width = Math.min(Math.max(view.width * factor, 60), Math.max(whole.width * 8, 2000));
        const f = width / view.width;
        about = about || { x: view.x + view.width / 2, y: view.y + view.height / 2 };
        view = { x: about.x - (about.x - view.x) * f, y: about.y - (about.y - view.y) * f, width, height: view.height * f };
        show();
}
function fit() {
        const box = svg.getBBox();
        view = nodes.length ? { x: box.x - 24, y: box.y - 24, width: box.width + 48, height: box.height + 48 } : { ...whole };
        /* Two nodes need not fill a screen. */
        const { width, height } = svg.getBoundingClientRect(), most = 1.6;
        const grow = Math.max(1, Math.min(width / view.width, height / view.height) / most);
        zoomAll(grow);
        show();
}
function zoomAll(f) {
        view = { x: view.x - view.width * (f - 1) / 2, y: view.y - view.height * (f - 1) / 2, width: view.width * f, height: view.height * f };
}

/* ---- the panel ---- */

function element(name, text, ...children) {
        const e = document.createElement(name);
        if (text !== null && text !== undefined)
                e.textContent = text;
        e.append(...children);
        return e;
}
function jump(text, action) {
        const b = element('button', text);
        b.className = 'jump';
        b.type = 'button';
        b.onclick = action;
        return b;
}
function rows(pairs) {
        const dl = element('dl');
        for (const [name, value] of pairs)
                dl.append(element('dt', name), element('dd', value));
        return dl;
}

function tellNode(i) {
        const node = lab.nodes[i], out = [element('h2', node.name), element('p', node.kind)];
        if (node.rows.length)
                out.push(rows(node.rows));
        if (node.interfaces.length) {
                const list = element('ul');
                for (const face of node.interfaces) {
                        const item = element('li', null, element('code', face.name));
                        for (const address of face.addresses)
                                item.append(element('code', address));
                        if (face.mac)
                                item.append(element('small', face.mac));
                        const link = lab.links[face.link], [node2, face2] = link.ends[1 - face.end];
                        item.append(jump(`to ${lab.nodes[node2].name}:${lab.nodes[node2].interfaces[face2].name}`,
                                         () => choose('link', face.link)));
                        list.append(item);
                }
                out.push(element('h3', 'Interfaces'), list);
        }
        return out;
}
function tellUplink(i) {
        const up = lab.uplinks[i];
        return [element('h2', up.kind), element('p', 'uplink'), rows(up.rows),
                jump(`from ${lab.nodes[up.node].name}`, () => choose('node', up.node))];
}
function tellLink(i) {
        if (i >= lab.links.length)
                return tellUplink(i - lab.links.length);
        const link = lab.links[i], out = [element('h2', link.name), element('p', 'link')];
        if (link.rows.length)
                out.push(rows(link.rows));
        const list = element('ul');
        link.ends.forEach(([node, face], end) => {
                const n = lab.nodes[node], item = element('li', null, jump(`${n.name}:${n.interfaces[face].name}`, () => choose('node', node)));
                for (const address of n.interfaces[face].addresses)
                        item.append(element('code', address));
                item.append(element('small', `from here: ${link.quality[end] || 'as a cable'}`));
                list.append(item);
        });
        out.push(element('h3', 'Ends'), list);
        return out;
}
function tellLab() {
        const out = [element('h2', lab.name), element('p', 'Click a node or a link for its details; drag nodes, the paper, and turn the wheel to zoom.')];
        const count = {};
        for (const node of lab.nodes)
                count[node.kind] = (count[node.kind] || 0) + 1;
        out.push(rows([...Object.entries(count).map(([kind, n]) => [kind, String(n)]), ['links', String(lab.links.length)]]));
        return out;
}

function choose(what, i) {
        for (const e of svg.querySelectorAll('.chosen, .lit'))
                e.classList.remove('chosen', 'lit');
        svg.classList.toggle('picked', what !== null);
        const light = e => e.classList.add('lit');
        if (what === 'node') {
                nodes[i].classList.add('chosen');
                light(nodes[i]);
                for (const l of linksOf[i]) {
                        light(links[l]);
                        ends[l].forEach(n => light(nodes[n]));
                }
        } else if (what === 'link') {
                links[i].classList.add('chosen');
                light(links[i]);
                ends[i].forEach(n => light(nodes[n]));
        }
        panel.replaceChildren(...(what === null ? tellLab() : what === 'link' ? tellLink(i)
                : i < lab.nodes.length ? tellNode(i) : tellUplink(i - lab.nodes.length)));
        panel.scrollTop = 0;
}

/* ---- pointers, wheel, keys ---- */

const pointers = new Map();
let grip = null;

const target = event => {
        const node = event.target.closest('g.node'), link = event.target.closest('g.link');
        return node ? ['node', +node.dataset.node] : link ? ['link', +link.dataset.link] : [null, 0];
};
svg.addEventListener('pointerdown', event => {
        if (event.button !== 0)
                return;
        pointers.set(event.pointerId, event);
        const [what, i] = target(event), at = toPaper(event);
        grip = { what, i, at, start: event, from: what === 'node' ? { ...place[i] } : null, moved: false };
});
svg.addEventListener('pointermove', event => {
        if (!pointers.has(event.pointerId))
                return;
        if (pointers.size === 2) {
                const before = spread();
                pointers.set(event.pointerId, event);
                grip = null;
                zoom(before / Math.max(spread(), 1), toPaper(event));
                return;
        }
        pointers.set(event.pointerId, event);
        if (!grip)
                return;
        if (!grip.moved && Math.hypot(event.clientX - grip.start.clientX, event.clientY - grip.start.clientY) < 4)
                return;
        if (!grip.moved) {
                grip.moved = true;
                svg.setPointerCapture(event.pointerId);
                svg.classList.add('moving');
        }
        const at = toPaper(event), dx = at.x - grip.at.x, dy = at.y - grip.at.y;
        if (grip.what === 'node')
                move(grip.i, grip.from.x + dx, grip.from.y + dy);
        else {
                view.x -= dx;
                view.y -= dy;
                show();
        }
});
function spread() {
        const [a, b] = [...pointers.values()];
        return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
function release(event) {
        if (!pointers.delete(event.pointerId))
                return;
        svg.classList.remove('moving');
        if (event.type === 'pointerup' && grip && !grip.moved)
                choose(grip.what, grip.i);
        grip = null;
}
svg.addEventListener('pointerup', release);
svg.addEventListener('pointercancel', release);
svg.addEventListener('wheel', event => {
        event.preventDefault();
        zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 400), toPaper(event));
}, { passive: false });

document.addEventListener('keydown', event => {
        if (event.key === 'Escape') {
                search.value = '';
                choose(null, 0);
        } else if (event.target === search || event.ctrlKey || event.metaKey || event.altKey)
                return;
        else if (event.key === '+' || event.key === '-')
                zoom(event.key === '+' ? 0.8 : 1.25);
        else if (event.key === '0')
                fit();
        else if (event.key === '/') {
                event.preventDefault();
                search.focus();
        } else if ((event.key === 'Enter' || event.key === ' ') && event.target.closest('g.node')) {
                event.preventDefault();
                choose(...target(event));
        }
});

/* Names, images and addresses that contain what is typed. */
function matches(text) {
        const wanted = text.toLowerCase();
        return lab.nodes.flatMap((node, i) =>
                [node.name, ...node.rows.map(r => r[1]), ...node.interfaces.flatMap(f => [...f.addresses, f.mac])]
                        .some(word => word && word.toLowerCase().includes(wanted)) ? [i] : []);
}
search.addEventListener('input', () => {
        choose(null, 0);
        if (search.value === '')
                return;
        svg.classList.add('picked');
        const found = matches(search.value);
        found.forEach(i => nodes[i].classList.add('lit'));
        panel.prepend(element('p', found.length === 1 ? '1 node found' : `${found.length} nodes found`));
});
search.addEventListener('keydown', event => {
        const found = event.key === 'Enter' && search.value !== '' ? matches(search.value) : [];
        if (found.length)
                choose('node', found[0]);
});

function saveSvg() {
        const copy = svg.cloneNode(true), style = document.createElementNS(SVG, 'style');
        const box = svg.getBBox();
        copy.setAttribute('viewBox', [box.x - 24, box.y - 24, box.width + 48, box.height + 48].map(number).join(' '));
        copy.setAttribute('width', number(box.width + 48));
        copy.setAttribute('height', number(box.height + 48));
        copy.classList.remove('picked');
        for (const e of copy.querySelectorAll('.reach'))
                e.remove();
        style.textContent = document.getElementById('drawing-style').textContent;
        copy.prepend(style);
        const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }));
        const a = element('a');
        a.href = url;
        a.download = `${lab.name}.svg`;
        a.click();
        URL.revokeObjectURL(url);
}
const on = (id, action) => document.getElementById(id).addEventListener('click', action);
on('nearer', () => zoom(0.8));
on('further', () => zoom(1.25));
on('fit', fit);
on('save', saveSvg);
on('theme', () => {
        const root = document.documentElement;
        const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
        root.dataset.theme = dark ? 'light' : 'dark';
});

/* Thin lines are hard to hit: each gets a wide one that is not seen. */
for (const g of links) {
        const path = g.querySelector('path'), reach = document.createElementNS(SVG, 'path');
        reach.setAttribute('d', path.getAttribute('d'));
        reach.setAttribute('class', 'reach');
        path.before(reach);
}
nodes.forEach((g, i) => {
        g.setAttribute('tabindex', '0');
        g.setAttribute('role', 'button');
        g.setAttribute('aria-label', i < lab.nodes.length ? lab.nodes[i].name : 'uplink');
});
svg.removeAttribute('width');
svg.removeAttribute('height');
choose(null, 0);
fit();
})();
